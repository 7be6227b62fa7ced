"""The rules of a migration: the provider of a send, the providers of a read, and the changes of a stage."""

import hashlib
import hmac
import random
from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.core.migration import (
    STAGES,
    UNREAD,
    Change,
    Choice,
    Counts,
    Facts,
    Guard,
    MigrationRules,
    MigrationStage,
    NotAllowed,
    advanced,
    at_cut_over,
    begins,
    choose,
    is_in_share,
    missing,
    next_step,
    reads,
    released,
    rolled_back,
    stopped,
    stopped_by,
    with_percent,
)

NOW: Final = 1_790_000_000.0
BY: Final = Change("ann", "tried", NOW)
RECIPIENTS: Final = [f"+614{number:08}" for number in range(100_000)]

RULES: Final = MigrationRules(
    percent=0.0,
    salt="2026-12",
    allow=("+6140000", "+61411111111"),
    deny=("+614000001", "+6141"),
    pins={"OTPApp": "new", "Legacy": "old"},
    numbers={"+61400000001": NOW, "+61400000002": NOW + 60},
)


def at(stage: Any, percent: float = 0.0, **more: Any) -> MigrationStage:
    return MigrationStage(stage, percent, "2026-12", generation=3, **more)


def drawn(salt: str, recipient: str) -> int:
    """The place of a recipient in the share, in hundredths of a percent, as the design defines it."""
    return int(hmac.new(salt.encode(), recipient.encode(), hashlib.sha256).hexdigest(), 16) % 10_000


# ---- the share -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [0.01, 1, 5, 12.34, 29, 50, 99.99, 100])
def test_the_share_is_that_of_the_keyed_hash(percent: float) -> None:
    for recipient in RECIPIENTS[:3000]:
        assert is_in_share("2026-12", recipient, percent) == (drawn("2026-12", recipient) < round(percent * 100))


@pytest.mark.parametrize("percent", [0, 1, 5, 25, 50, 100])
def test_of_many_recipients_the_share_is_within_three_tenths_of_a_point(percent: float) -> None:
    state = at("canary", percent)
    chosen = sum(choose(MigrationRules(), state, "", one, NOW).home == "new" for one in RECIPIENTS)
    assert abs(chosen / len(RECIPIENTS) * 100 - percent) <= 0.3


def test_no_raise_takes_a_recipient_back() -> None:
    draw = random.Random(1)
    shares = sorted(draw.uniform(0, 100) for _ in range(8))
    there = [{one for one in RECIPIENTS[:20_000] if is_in_share("s", one, round(share, 2))} for share in shares]
    assert all(less <= more for less, more in pairwise(there))
    assert there[0] != there[-1]


def test_another_migration_begins_with_other_recipients() -> None:
    first, second = ({one for one in RECIPIENTS[:20_000] if is_in_share(salt, one, 5)} for salt in ("a", "b"))
    assert len(first & second) < len(first) / 5


# ---- the order of choice ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "sender", "recipient", "choice"),
    [
        ("canary", "OTPApp", "+61400000100", Choice("new", "pin")),
        ("canary", "Legacy", "+61400009999", Choice("old", "pin")),
        ("canary", "+61400000001", "+61412345678", Choice("new", "number")),
        ("canary", "+61400000002", "+61400009999", Choice("old", "number")),
        ("canary", "", "+61400000100", Choice("old", "deny")),
        ("canary", "", "+61400009999", Choice("new", "allow")),
        ("canary", "", "+61411111111", Choice("new", "allow")),
        ("canary", "", "+61411111112", Choice("old", "deny")),
        ("canary", "Shop", "+4917000000", Choice("old", "stage")),
        ("old", "OTPApp", "+61400009999", Choice("old", "stage")),
        ("render", "OTPApp", "+61400009999", Choice("old", "stage")),
        ("old", "+61400000001", "+61400009999", Choice("new", "number")),
        ("render", "+61400000002", "+61400009999", Choice("old", "number")),
        ("new", "Legacy", "+61400009999", Choice("old", "pin")),
        ("new", "+61400000002", "+61400009999", Choice("old", "number")),
        ("new", "", "+61400000100", Choice("new", "stage")),
        ("done", "Legacy", "+61400000100", Choice("new", "stage")),
        ("done", "+61400000002", "", Choice("new", "stage")),
    ],
)
def test_the_first_rule_that_has_an_answer_decides(stage: str, sender: str, recipient: str, choice: Choice) -> None:
    assert choose(RULES, at(stage), sender, recipient, NOW) == choice


def test_a_number_moves_at_its_date_by_the_clock_of_the_store() -> None:
    ahead = at("canary", ahead=2.0)
    assert choose(RULES, ahead, "+61400000001", "", NOW - 2.1).home == "old"
    assert choose(RULES, ahead, "+61400000001", "", NOW - 2.0).home == "new"


def test_the_share_is_the_last_rule_before_the_stage() -> None:
    inside = next(
        one for one in RECIPIENTS if drawn("2026-12", one) < 500 and not one.startswith(("+6140000", "+6141"))
    )
    assert choose(RULES, at("canary", 5), "Shop", inside, NOW) == Choice("new", "share")
    assert choose(RULES, at("canary", 5), "Legacy", inside, NOW) == Choice("old", "pin")
    assert choose(RULES, rolled_back(at("canary", 5), BY), "Shop", inside, NOW) == Choice("old", "stage")


# ---- reads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "history", "mode"),
    [
        ("old", "kept", "old"),
        ("render", "kept", "old"),
        ("canary", "kept", "merged"),
        ("canary", "copied", "merged"),
        ("new", "kept", "merged"),
        ("new", "none", "merged"),
        ("new", "copied", "new"),
        ("done", "kept", "merged"),
        ("done", "none", "new"),
        ("done", "copied", "new"),
    ],
)
def test_reads_ask_the_providers_of_the_stage(stage: str, history: Any, mode: str) -> None:
    assert reads(MigrationRules(history=history), at(stage), NOW) == mode


def test_a_rollback_hides_no_message_of_the_new_provider() -> None:
    for stage in ("canary", "new", "done"):
        before = msgspec.structs.replace(begins(MigrationRules(stage=stage)))
        assert reads(MigrationRules(), rolled_back(before, BY), NOW) == "merged"
    assert reads(MigrationRules(), rolled_back(begins(MigrationRules(stage="render")), BY), NOW) == "old"


def test_a_number_at_the_new_provider_is_read_there_in_each_stage() -> None:
    assert reads(RULES, at("old"), NOW - 1) == "old"
    assert reads(RULES, at("old"), NOW) == "merged"
    assert reads(MigrationRules(), UNREAD, NOW) == "merged"


# ---- changes ---------------------------------------------------------------------------------------------------------


def test_a_migration_goes_forward_one_step_at_a_time() -> None:
    state = begins(MigrationRules(percent=2.5))
    for number, stage in enumerate(STAGES):
        assert (state.stage, state.generation, state.percent) == (stage, number, 2.5)
        if stage != "done":
            state = advanced(state, BY)
    with pytest.raises(NotAllowed):
        advanced(state, BY)


@pytest.mark.parametrize("stage", STAGES)
def test_a_rollback_is_allowed_in_each_stage(stage: Any) -> None:
    back = rolled_back(at(stage, 40.0, is_latched=True), BY)
    assert (back.stage, back.percent, back.is_held, back.is_latched, back.generation) == ("old", 0.0, True, True, 4)
    assert (back.by, back.reason, back.decided) == ("ann", "tried", NOW)


@pytest.mark.parametrize("percent", [-1, 101, 0.001, 33.333, float("nan")])
def test_a_share_that_is_none_is_refused(percent: float) -> None:
    with pytest.raises(NotAllowed):
        with_percent(at("canary"), percent, BY)


@pytest.mark.parametrize("stage", ["old", "render", "new", "done"])
def test_a_share_that_would_have_no_effect_is_refused(stage: str) -> None:
    with pytest.raises(NotAllowed, match="canary"):
        with_percent(at(stage), 5, BY)


def test_after_the_guard_only_a_person_goes_on() -> None:
    latched = stopped(at("canary", 40.0), Change("guard", "refused", NOW))
    assert latched is not None and (latched.percent, latched.is_latched, latched.stage) == (0.0, True, "canary")
    assert stopped(latched, BY) is None
    with pytest.raises(NotAllowed, match="guard"):
        with_percent(latched, 5, BY)
    with pytest.raises(NotAllowed, match="guard"):
        advanced(latched, BY)
    free = released(latched, BY)
    assert (free.percent, free.is_latched) == (0.0, False)
    assert with_percent(free, 5, BY).percent == 5
    with pytest.raises(NotAllowed):
        released(free, BY)


@pytest.mark.parametrize("stage", ["old", "render", "new", "done"])
def test_the_guard_stops_nothing_but_a_canary(stage: str) -> None:
    assert stopped(at(stage), BY) is None


# ---- the cut-over ----------------------------------------------------------------------------------------------------

DATED: Final = MigrationRules(cut_over=NOW)


@pytest.mark.parametrize("stage", STAGES)
def test_the_cut_over_happens_at_its_date_and_not_before(stage: Any) -> None:
    state = at(stage, 5.0, decided=NOW - 100)
    assert at_cut_over(DATED, state, NOW - 0.001) is state
    after = at_cut_over(DATED, state, NOW)
    if stage in ("new", "done"):
        assert after is state
    else:
        assert (after.stage, after.generation, after.since, after.is_crossed) == ("new", 4, NOW, True)


def test_a_person_who_decides_after_the_cut_over_is_the_last() -> None:
    after = at_cut_over(DATED, at("canary"), NOW)
    back = rolled_back(after, Change("ann", "bad", NOW + 1))
    assert at_cut_over(DATED, back, NOW + 1e6) is back
    again = advanced(back, Change("ann", "again", NOW + 2))
    assert at_cut_over(DATED, again, NOW + 1e6) is again


def test_a_rollback_or_the_guard_holds_a_later_cut_over() -> None:
    back = rolled_back(at("canary"), Change("ann", "bad", NOW - 9))
    assert at_cut_over(DATED, back, NOW) is back
    latched = stopped(at("canary"), Change("guard", "bad", NOW - 9))
    assert latched is not None and at_cut_over(DATED, latched, NOW) is latched
    assert at_cut_over(DATED, advanced(back, Change("ann", "mended", NOW - 5)), NOW).stage == "new"
    freed = released(latched, Change("ann", "mended", NOW + 5))
    assert at_cut_over(DATED, freed, NOW + 5) is freed


def test_a_date_in_the_past_counts_for_a_store_without_a_stage() -> None:
    assert at_cut_over(DATED, begins(MigrationRules(stage="render")), NOW + 1e7).stage == "new"
    assert at_cut_over(DATED, UNREAD, NOW + 1e7) is UNREAD


# ---- nothing goes forward by itself ----------------------------------------------------------------------------------

_STEPS: Final = st.lists(
    st.sampled_from(["advance", "rollback", "percent", "guard", "release", "wait"]), min_size=1, max_size=30
)


def made(step: str, rules: MigrationRules, state: MigrationStage, share: float, by: Change) -> MigrationStage:
    """The stage after one step."""
    match step:
        case "advance":
            return advanced(state, by)
        case "rollback":
            return rolled_back(state, by)
        case "percent":
            return with_percent(state, share, by)
        case "guard":
            return stopped(state, by) or state
        case "release":
            return released(state, by)
        case _:
            return at_cut_over(rules, state, by.now)


@given(_STEPS, st.floats(0, 100).map(lambda share: round(share, 2)), st.booleans())
def test_only_a_person_or_a_date_goes_forward(steps: list[str], share: float, dated: bool) -> None:
    rules = MigrationRules(cut_over=NOW + 5 if dated else None)
    state, now = begins(rules), NOW
    for step in steps:
        now += 1
        by = Change("ann", "x", now)
        try:
            after = made(step, rules, state, share, by)
        except NotAllowed:
            continue
        forward = STAGES.index(after.stage) - STAGES.index(state.stage)
        assert forward <= 0 or step == "advance" or (step == "wait" and dated and now >= NOW + 5)
        assert after.generation - state.generation == (after is not state)
        assert step != "guard" or (after.percent <= state.percent and after.stage == state.stage)
        assert after.is_crossed >= state.is_crossed
        state = after


# ---- the guard and the evidence --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        (Counts(), ""),
        (Counts(0, 49, 0), ""),
        (Counts(48, 2, 0), ""),
        (Counts(47, 3, 0), "refused"),
        (Counts(49, 0, 1), ""),
        (Counts(48, 0, 2), "unknown"),
        (Counts(950, 50, 0), ""),
        (Counts(949, 51, 0), "refused"),
        (Counts(0, 0, 50), "unknown"),
    ],
)
def test_the_guard_stops_beyond_a_share_of_enough_sends(counts: Counts, why: str) -> None:
    assert stopped_by(Guard(), counts) == why


def test_a_guard_of_no_least_number_waits_for_a_send() -> None:
    assert stopped_by(Guard(least=0, refused=0.0), Counts()) == ""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (at("old"), ("advance",)),
        (at("canary", 0), ("set", "--percent", "1")),
        (at("canary", 1), ("set", "--percent", "5")),
        (at("canary", 26), ("set", "--percent", "50")),
        (at("canary", 100), ("advance",)),
        (at("canary", 0, is_latched=True), ("release-guard",)),
        (at("new"), ("advance",)),
        (at("done"), ()),
    ],
)
def test_the_next_step_is_a_command(state: MigrationStage, words: tuple[str, ...]) -> None:
    assert next_step(state) == words


def test_the_evidence_that_is_missing_is_named() -> None:
    canary = at("canary", 5)
    assert "got 10 sends" in missing(RULES, canary, Facts(Counts(10)), NOW)[0]
    assert "6.0% were refused" in missing(RULES, canary, Facts(Counts(94, 6)), NOW)[0]
    assert missing(RULES, canary, Facts(Counts(100)), NOW) == []
    assert "host:1" in missing(RULES, canary, Facts(Counts(100), behind=("host:1",)), NOW)[0]
    found = missing(RULES, at("new"), Facts(open_at_old=2, owed_at_old=3), NOW)
    assert [sentence.split(" ")[0] for sentence in found] == ["the", "the", "1", "1"]
    assert missing(MigrationRules(), at("new"), Facts(), NOW) == []

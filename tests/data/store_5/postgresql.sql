CREATE TABLE destinations (
    entry TEXT NOT NULL,
    destination TEXT NOT NULL,
    due_at FLOAT NOT NULL,
    standing INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failed_at FLOAT NOT NULL,
    paused_until FLOAT NOT NULL,
    PRIMARY KEY (entry, destination)
);
CREATE TABLE events (
    id BIGSERIAL NOT NULL,
    watch BIGINT NOT NULL,
    entry TEXT NOT NULL,
    position INTEGER NOT NULL,
    name VARCHAR(16) NOT NULL,
    method VARCHAR(4) NOT NULL,
    address TEXT NOT NULL,
    form TEXT NOT NULL,
    destination TEXT NOT NULL,
    state VARCHAR(9) NOT NULL,
    made FLOAT NOT NULL,
    due_at FLOAT,
    tries INTEGER NOT NULL,
    why TEXT NOT NULL,
    finished FLOAT,
    leased FLOAT NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT events_once UNIQUE (watch, name)
);
CREATE TABLE sends (
    id VARCHAR(32) NOT NULL,
    entry TEXT NOT NULL,
    place TEXT NOT NULL,
    state VARCHAR(12) NOT NULL,
    made FLOAT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT NOT NULL,
    same VARCHAR(64) NOT NULL,
    key TEXT,
    content TEXT,
    sid TEXT,
    message BYTEA,
    fault BYTEA,
    look_at FLOAT,
    looks INTEGER NOT NULL,
    doubted FLOAT,
    settled FLOAT,
    resent FLOAT,
    leased FLOAT NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE store (
    version INTEGER NOT NULL
);
CREATE TABLE trials (
    id SERIAL NOT NULL,
    ballast TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE watches (
    id BIGSERIAL NOT NULL,
    send VARCHAR(32) NOT NULL,
    entry TEXT NOT NULL,
    address TEXT NOT NULL,
    method VARCHAR(4) NOT NULL,
    told TEXT NOT NULL,
    look_at FLOAT,
    looks INTEGER NOT NULL,
    "over" FLOAT,
    leased FLOAT NOT NULL,
    attempt INTEGER NOT NULL,
    place TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT watches_once UNIQUE (send, address, method)
);
CREATE INDEX destinations_due ON destinations (standing, due_at);
CREATE INDEX destinations_due_by_account ON destinations (entry, standing, due_at);
CREATE INDEX events_due ON events (entry, destination, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX events_open ON events (state, id) WHERE state != 'delivered';
CREATE INDEX events_over ON events (state, finished) WHERE finished IS NOT NULL;
CREATE UNIQUE INDEX sends_key ON sends (entry, key) WHERE key IS NOT NULL;
CREATE INDEX sends_made ON sends (made);
CREATE UNIQUE INDEX sends_sid ON sends (place, sid) WHERE sid IS NOT NULL;
CREATE INDEX sends_unfinished ON sends (state, same, look_at) WHERE (state NOT IN ('sent', 'refused'));
CREATE INDEX sends_unknown ON sends (look_at) WHERE state = 'unknown';
CREATE INDEX watches_look ON watches (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX watches_over ON watches ("over") WHERE "over" IS NOT NULL;
CREATE INDEX watches_place ON watches (place, look_at, id) WHERE look_at IS NOT NULL;
CREATE INDEX watches_waiting ON watches (entry, send) WHERE "over" IS NULL AND look_at IS NOT NULL;

-- The peer in nginx: the old API in front, the provider of today behind, by a subrequest and cjson.
local cjson = require "cjson.safe"
local format, floor, max, concat = string.format, math.floor, math.max, table.concat
local gsub, byte, sub, match = string.gsub, string.byte, string.sub, string.match

local ACCOUNT, PROPERTY = os.getenv("BENCH_ACCOUNT"), os.getenv("BENCH_PROPERTY")
local LOGIN = "Basic " .. ngx.encode_base64(ACCOUNT .. ":" .. os.getenv("BENCH_TOKEN"))
local BASE = "/2012-04-24/Accounts/" .. ACCOUNT .. "/SMS/Messages"
local SEARCH = "/provider/v2/Properties/" .. PROPERTY .. "/Messages"
local RETRIEVE = "/provider/v2/Messages/"
local STATUS = { Processing = "sending", Submitted = "sent", Delivered = "delivered", Failed = "failed", Received = "received" }
local DIRECTION = { Transmit = "outbound-api", Receive = "incoming" }
local ERRORS = {
    ["30001"] = "Queue overflow", ["30002"] = "Account suspended", ["30003"] = "Unreachable destination handset",
    ["30004"] = "Message blocked", ["30005"] = "Unknown destination handset", ["30006"] = "Landline or unreachable carrier",
    ["30007"] = "Carrier violation", ["30008"] = "Unknown error", ["30009"] = "Missing segment",
    ["30010"] = "Message price exceeds max price", ["30090"] = "No Response received for SMPP Request",
}

-- The parts of an instant that stay the same for a day, kept for the last day seen.
local kept, weekday, ymd = -1, "", ""
local function of_day(instant)
    local day = floor(instant / 86400)
    if day ~= kept then
        kept = day
        weekday = gsub(os.date("!%a, %d %b %Y ", day * 86400), ", 0", ", ")
        ymd = os.date("!%Y-%m-%dT", day * 86400)
    end
    local second = instant - day * 86400
    return floor(second / 3600), floor(second / 60) % 60, second % 60
end

local function rfc2822(instant)
    local h, m, s = of_day(instant)
    return format("%s%02d:%02d:%02d +0000", weekday, h, m, s)
end

local function iso8601(instant)
    local h, m, s = of_day(instant)
    return format("%s%02d:%02d:%02d.000Z", ymd, h, m, s)
end

local function bare(number)
    return byte(number) == 43 and sub(number, 2) or number
end

-- JSON in ASCII: cjson leaves UTF-8 as it is.
local function escaped(found)
    local a, b, c, d = byte(found[0], 1, 4)
    if d then
        local point = (a - 240) * 262144 + (b - 128) * 4096 + (c - 128) * 64 + d - 128 - 65536
        return format("\\u%04x\\u%04x", 55296 + floor(point / 1024), 56320 + point % 1024)
    end
    return format("\\u%04x", c and (a - 224) * 4096 + (b - 128) * 64 + c - 128 or (a - 192) * 64 + b - 128)
end

local function encode(value)
    return (ngx.re.gsub(cjson.encode(value), "[\\xc2-\\xf4][\\x80-\\xbf]+", escaped, "jo"))
end

local function shown(row, what)
    local created, submitted, received = row.Created, row.Submitted, row.Received
    local sid = "SM" .. row.MessageSid
    local out = {
        sid = sid, date_created = rfc2822(created), account_sid = ACCOUNT, from = bare(row.From), to = bare(row.To),
        body = row.Text, api_version = "2012-04-24", uri = BASE .. "/" .. sid .. ".json",
    }
    if what == "send" then
        out.date_updated, out.status, out.direction = out.date_created, "sending", "outbound-api"
        return out
    end
    out.date_updated = rfc2822(max(created, submitted or 0, row.Delivered or 0, received or 0))
    local gone = submitted or received
    if gone then out.date_sent = iso8601(gone) end
    out.status, out.direction = STATUS[row.Status], DIRECTION[row.Direction]
    if row.Status == "Failed" then
        if submitted then out.status = "undelivered" end
        local code = row.ErrorCode
        if code then out.error_code, out.error_message = tonumber(code), ERRORS[code] end
    end
    if what == "get" then out.num_segments = row.NumSegments end
    return out
end

local function reply(status, body)
    ngx.status = status
    ngx.header["Content-Type"] = "application/json"
    ngx.header["Content-Length"] = #body
    ngx.print(body)
end

local function fault(status, sentence)
    reply(status, cjson.encode { message = sentence })
end

-- The member of the provider's answer, or nothing where it gave none.
local function asked(path, options, member)
    local answer = ngx.location.capture(path, options)
    local value = answer.status == 200 and cjson.decode(answer.body)
    if value and value[member] then return value[member] end
    fault(502, "The provider could not be asked.")
end

local function send()
    ngx.req.read_body()
    local form = ngx.req.get_post_args()
    if not (form.From and form.To and form.Body) then return fault(400, "From, To and Body are required.") end
    local draft = { From = "+" .. bare(form.From), To = "+" .. bare(form.To), Text = form.Body, DeliveryReceipt = true }
    local row = asked(SEARCH, { method = ngx.HTTP_POST, body = cjson.encode(draft) }, "Message")
    if row then reply(200, encode(shown(row, "send"))) end
end

local function get(sid)
    local row = asked(RETRIEVE .. sid, nil, "Message")
    if row then reply(200, encode(shown(row, "get"))) end
end

local function list()
    local query = ngx.req.get_uri_args()
    local page, size = tonumber(query.Page) or 0, tonumber(query.PageSize) or 50
    local span = concat { "Date_From=0&Date_To=", ngx.time(), "&Results_Count=", size, "&Results_Skip=", page * size }
    local rows = asked(SEARCH, { args = span }, "Messages")
    if not rows then return end
    local count = #rows
    for i = 1, count do rows[i] = shown(rows[i], "list") end
    local function at(number) return format("%s.json?Page=%d&PageSize=%d", BASE, number, size) end
    reply(200, encode {
        page = page, page_size = size, start = tostring(page * size), ["end"] = tostring(page * size + count - 1),
        uri = BASE, first_page_uri = at(0), previous_page_uri = page > 0 and at(page - 1) or "null",
        next_page_uri = count == size and at(page + 1) or "null", messages = rows,
    })
end

local M = {}

function M.answer()
    local account, rest = match(ngx.var.uri, "^/2012%-04%-24/Accounts/(%w+)/SMS/Messages(.*)$")
    if not account then return fault(404, "There is nothing here.") end
    if account ~= ACCOUNT or ngx.var.http_authorization ~= LOGIN then
        ngx.header["WWW-Authenticate"] = 'Basic realm="Restcomm realm"'
        return fault(401, "Authentication is required.")
    end
    local sid = match(rest, "^/SM(%w+)%.json$")
    if sid then return get(sid) end
    if rest ~= ".json" then return fault(404, "There is nothing here.") end
    if ngx.req.get_method() == "POST" then return send() end
    return list()
end

return M

-- Sends four of Tencent's documented callbacks in turn, each of them unique. bench/client.py runs
-- it: wrk -s callbacks.lua URL -- SALT SIGN REQUEST_TIME SECONDS RATE SUBJECTS
--
-- RATE: callbacks per second; 0 sends the next one as soon as one is answered. SUBJECTS: how many
-- subjects the callbacks are about, as in bench/fill.py; 0 gives each its own. Nothing is sent
-- after SECONDS, so that every callback is answered before wrk ends.

local ffi = require("ffi")
ffi.cdef [[
  struct bench_timespec { long seconds; long nanoseconds; };
  int clock_gettime(int clock, struct bench_timespec *time);
]]

local AFTER_THE_END = 3600 * 1000
local OK = '"ActionStatus":"OK"'
local CHANNEL, GROUP = "@TOA#_", "@TGS#"
local CALLBACKS = {
  {
    "OfficialAccount.CallbackAfterCreateOfficialAccount", CHANNEL,
    '"Official_Account":"%s","Operator_Account":"107867","Owner_Account":"107867",'
      .. '"Name":"TestOfficialAccount %s","EventTime":%d}',
  },
  {
    "OfficialAccount.CallbackAfterOfficialAccountInfoChanged", CHANNEL,
    '"Official_Account":"%s","Operator_Account":"leckie","Introduction":"NewNotification",'
      .. '"Name":"NewName %s","FaceUrl":"http://this.is.newface.url",'
      .. '"Organization":"NewOrganization","EventTime":%d}',
  },
  {
    "OfficialAccount.CallbackAfterOfficialAccountDestroyed", CHANNEL,
    '"Official_Account":"%s","Owner_Account":"107867","Name":"TestOfficialAccount %s",'
      .. '"EventTime":%d}',
  },
  {
    "Group.CallbackAfterGroupDestroyed", GROUP,
    '"GroupId":"%s","Type":"Public","Owner_Account":"leckie","Name":"MyFirstGroup %s",'
      .. '"MemberList":[{"Member_Account":"leckie"},{"Member_Account":"peter"},'
      .. '{"Member_Account":"bob"}],"EventTime":"%d"}',
  },
}

local time = ffi.new("struct bench_timespec")

local function now()
  ffi.C.clock_gettime(0, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  salt = args[1]
  seconds, rate, subjects = tonumber(args[4]), tonumber(args[5]), tonumber(args[6])
  sent, answered, refused, first, last = 0, 0, 0, 0, 0
  heads = {}
  for i, callback in ipairs(CALLBACKS) do
    heads[i] = "POST /callback?SdkAppid=888888&CallbackCommand=" .. callback[1]
      .. "&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI&Sign=" .. args[2]
      .. "&RequestTime=" .. args[3] .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port
      .. "\r\nContent-Type: application/json\r\nContent-Length: "
  end
  math.randomseed(tonumber(args[3]))
end

function delay()
  local at = now()
  if first == 0 then
    first, slot = at, at
  end
  if at >= first + seconds then
    return AFTER_THE_END
  end
  if rate == 0 then
    return 0
  end
  slot = math.max(slot + 1 / rate, at)
  return math.floor((slot - at) * 1000 + 0.5)
end

function request()
  sent = sent + 1
  local which = sent % #CALLBACKS + 1
  local callback = CALLBACKS[which]
  local mark = salt .. "-" .. sent
  local subject = callback[2] .. (subjects > 0 and math.random(subjects) or mark)
  local body = '{"CallbackCommand":"' .. callback[1] .. '",'
    .. callback[3]:format(subject, mark, now() * 1000)
  return heads[which] .. #body .. "\r\n\r\n" .. body
end

function response(status, _, body)
  answered, last = answered + 1, now()
  if status ~= 200 or not body:find(OK, 1, true) then
    refused = refused + 1
  end
end

function done(summary, latency, _)
  local thread, errors = threads[1], summary.errors
  print(('RESULT {"sent":%d,"answered":%d,"refused":%d,"broken":%d,"first":%f,"last":%f,"p50_ms":%f,"p99_ms":%f}')
    :format(
      thread:get("sent"), thread:get("answered"), thread:get("refused"),
      errors.connect + errors.read + errors.write + errors.timeout,
      thread:get("first"), thread:get("last"),
      latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end

-- Shows secam/1 in Wireshark and tshark. `swift run secam-protocol` generates the part between the markers from
-- schema.json.
--
-- Shows the connections of viewers, decrypted with the keys that secam-view writes to SSLKEYLOGFILE:
--   tshark -X lua_script:secam.lua -o tls.keylog_file:KEYS -r CAPTURE -Y secam -V
-- The capture must contain the connection from its beginning, for the TLS handshake.
-- Messages without TLS, such as test vectors, are shown with -d tcp.port==PORT,secam.

-- generated: tables
local enumerations = {
  Role = {
    [1] = "gateway", [2] = "capture", [3] = "encode", [4] = "motion", [5] = "archive", [6] = "operator",
  },
  Rendition = {
    [1] = "jpeg", [2] = "sub", [3] = "luma",
  },
  FlowContent = {
    [1] = "jpeg", [2] = "sub", [3] = "luma", [4] = "events", [5] = "spooled",
  },
  PixelFormat = {
    [1] = "jpeg", [2] = "gray8", [3] = "yuyv", [4] = "nv12", [5] = "i420", [6] = "rgb24",
  },
  FlowPolicy = {
    [1] = "every", [2] = "latest",
  },
  FlowStart = {
    [1] = "live", [2] = "sequence", [3] = "time", [4] = "acknowledged",
  },
  GapReason = {
    [1] = "overflow", [2] = "dropped", [3] = "spooled",
  },
  CloseReason = {
    [1] = "done", [2] = "unknownFlow", [3] = "forbidden", [4] = "tooMany", [5] = "shutdown", [6] = "noSuchContent",
  },
  CameraState = {
    [1] = "idle", [2] = "starting", [3] = "online", [4] = "offline", [5] = "waiting",
  },
  EventKind = {
    [1] = "motion", [2] = "unwatched",
  },
  EventState = {
    [1] = "start", [2] = "update", [3] = "end",
  },
  ZoneKind = {
    [1] = "watch", [2] = "ignore",
  },
  RefusalReason = {
    [1] = "nameTaken", [2] = "wrongRole", [3] = "tooMany", [4] = "notJoined",
  },
  UserRole = {
    [1] = "admin", [2] = "viewer",
  },
  DenialReason = {
    [1] = "credentials", [2] = "locked", [3] = "busy", [4] = "secondFactor", [5] = "enrolment",
  },
  ErrorCode = {
    [1] = "noSuchCamera", [2] = "noSuchRendition", [3] = "forbidden", [4] = "unexpected", [5] = "tooMany",
  },
  ByeReason = {
    [1] = "done", [2] = "shutdown", [3] = "idle", [4] = "malformed", [5] = "overload", [6] = "revoked",
  },
  RecordingHealth = {
    [0] = "off", [1] = "on", [2] = "stopped", [3] = "diskLow",
  },
  RecordingMode = {
    [1] = "motion", [2] = "continuous", [3] = "both",
  },
  ReplayContent = {
    [0] = "frames", [1] = "thumbnails",
  },
  RecordingCodec = {
    [0] = "jpeg", [1] = "h264",
  },
  Metric = {
    [1] = "framesCaptured", [2] = "framesDamaged", [3] = "framesDropped", [4] = "framesPublished",
    [5] = "bytesPublished", [6] = "workSent", [7] = "workRepeated", [8] = "creditFromWorkers", [9] = "flowsOpen",
    [10] = "ringBytes", [11] = "jobsDone", [12] = "jobsFailed", [13] = "encodeMicroseconds", [14] = "viewers",
    [15] = "framesToViewers", [16] = "bytesToViewers", [17] = "framesSkipped", [18] = "messagesRefused",
    [19] = "framesReceived", [20] = "residentBytes", [21] = "cpuMicroseconds", [22] = "camerasAssigned",
    [23] = "eventsTold", [24] = "detectMicroseconds", [25] = "framesRecorded", [26] = "bytesRecorded",
    [27] = "framesMissed", [28] = "bytesStored", [29] = "bytesFree", [30] = "camerasFailing", [31] = "timesCorrected",
    [32] = "clockDoubted", [33] = "policyInvalid", [34] = "camerasUnrecorded", [35] = "diskLow",
    [36] = "framesSpooled", [37] = "bytesSpooled", [38] = "workers", [39] = "workersSharing", [40] = "workShared",
    [41] = "camerasShared",
  },
}

local sets = {
  Renditions = { [1] = "jpeg", [2] = "sub", [4] = "luma" },
  FoundKinds = { [1] = "recordings", [2] = "events", [4] = "gaps" },
}

local structs = {
  event = {
    { name = "kind", type = "u8", values = "EventKind" },
    { name = "state", type = "u8", values = "EventState" },
    { name = "reserved", type = "zero", length = 2 },
    { name = "id", type = "u64" },
    { name = "start", type = "i64", time = true },
    { name = "last", type = "i64", time = true },
    { name = "peakTime", type = "i64", time = true },
    { name = "peakSequence", type = "u64" },
    { name = "peakBox", type = "struct", struct = "box" },
    { name = "boxes", type = "list", element = "box" },
  },
  box = {
    { name = "x", type = "u16" },
    { name = "y", type = "u16" },
    { name = "width", type = "u16" },
    { name = "height", type = "u16" },
    { name = "score", type = "u32" },
  },
  figure = {
    { name = "metric", type = "u16", values = "Metric" },
    { name = "value", type = "u64" },
  },
}

local messages = {
  [0x0001] = { name = "PING", version = 1, fields = {
    { name = "token", type = "u64" },
  } },
  [0x0002] = { name = "PONG", version = 1, fields = {
    { name = "token", type = "u64" },
  } },
  [0x0003] = { name = "ERROR", version = 1, fields = {
    { name = "code", type = "u16", values = "ErrorCode" },
    { name = "detail", type = "text" },
  } },
  [0x0004] = { name = "BYE", version = 1, fields = {
    { name = "reason", type = "u8", values = "ByeReason" },
    { name = "detail", type = "text" },
  } },
  [0x0010] = { name = "OPEN", version = 1, fields = {
    { name = "flow", type = "u32" },
    { name = "content", type = "u8", values = "FlowContent" },
    { name = "policy", type = "u8", values = "FlowPolicy" },
    { name = "start", type = "u8", values = "FlowStart" },
    { name = "reserved", type = "zero", length = 1 },
    { name = "incarnation", type = "u64" },
    { name = "position", type = "u64" },
    { name = "credit", type = "u32" },
    { name = "interval", type = "u32" },
    { name = "group", type = "text" },
  } },
  [0x0011] = { name = "CREDIT", version = 1, fields = {
    { name = "flow", type = "u32" },
    { name = "frames", type = "u32" },
  } },
  [0x0012] = { name = "FRAME", version = 1, fields = {
    { name = "flow", type = "u32" },
    { name = "rendition", type = "u8", values = "Rendition" },
    { name = "format", type = "u8", values = "PixelFormat" },
    { name = "incarnation", type = "u64" },
    { name = "sequence", type = "u64" },
    { name = "timestamp", type = "i64", time = true },
    { name = "width", type = "u16" },
    { name = "height", type = "u16" },
    { name = "payload", type = "payload" },
  } },
  [0x0013] = { name = "GAP", version = 2, fields = {
    { name = "flow", type = "u32" },
    { name = "incarnation", type = "u64" },
    { name = "first", type = "u64" },
    { name = "last", type = "u64" },
    { name = "reason", type = "u8", values = "GapReason" },
    { name = "since", type = "i64", time = true, since = 2 },
    { name = "until", type = "i64", time = true, since = 2 },
  } },
  [0x0014] = { name = "ACK", version = 1, fields = {
    { name = "flow", type = "u32" },
    { name = "incarnation", type = "u64" },
    { name = "sequence", type = "u64" },
  } },
  [0x0015] = { name = "CLOSE", version = 1, fields = {
    { name = "flow", type = "u32" },
    { name = "reason", type = "u8", values = "CloseReason" },
    { name = "detail", type = "text" },
  } },
  [0x0016] = { name = "EVENT", version = 1, fields = {
    { name = "flow", type = "u32" },
    { name = "incarnation", type = "u64" },
    { name = "sequence", type = "u64" },
    { name = "event", type = "struct", struct = "event" },
  } },
  [0x0017] = { name = "DETECTION", version = 1, fields = {
    { name = "flow", type = "u32" },
    { name = "event", type = "struct", struct = "event" },
  } },
  [0x0020] = { name = "GRANT", version = 2, fields = {
    { name = "jobs", type = "u32" },
    { name = "memory", type = "u64", since = 2 },
  } },
  [0x0021] = { name = "WORK", version = 2, fields = {
    { name = "job", type = "u64" },
    { name = "renditions", type = "u8", set = "Renditions" },
    { name = "quality", type = "u8" },
    { name = "subWidth", type = "u16" },
    { name = "format", type = "u8", values = "PixelFormat" },
    { name = "reserved", type = "zero", length = 1 },
    { name = "width", type = "u16" },
    { name = "height", type = "u16" },
    { name = "memory", type = "u64", since = 2 },
    { name = "slot", type = "u16", since = 2 },
    { name = "generation", type = "u64", since = 2 },
    { name = "length", type = "u32", since = 2 },
    { name = "payload", type = "payload" },
  } },
  [0x0022] = { name = "RESULT", version = 1, fields = {
    { name = "job", type = "u64" },
    { name = "elapsed", type = "u32" },
    { name = "failure", type = "text" },
    { name = "renditions", type = "list", entry = "rendition", fields = {
      { name = "rendition", type = "u8", values = "Rendition" },
      { name = "format", type = "u8", values = "PixelFormat" },
      { name = "width", type = "u16" },
      { name = "height", type = "u16" },
      { name = "length", type = "u32" },
    } },
    { name = "payload", type = "payload" },
  } },
  [0x0023] = { name = "SHARE", version = 1, fields = {
    { name = "memory", type = "u64" },
    { name = "slots", type = "u16" },
    { name = "slotLength", type = "u32" },
    { name = "ticket", type = "bytes", length = 32 },
    { name = "socket", type = "name" },
  } },
  [0x0030] = { name = "JOIN", version = 1, fields = {
    { name = "role", type = "u8", values = "Role" },
    { name = "reserved", type = "zero", length = 1 },
    { name = "process", type = "u32" },
    { name = "incarnation", type = "u64" },
    { name = "name", type = "name" },
    { name = "endpoint", type = "text" },
    { name = "software", type = "text" },
  } },
  [0x0031] = { name = "BEAT", version = 3, fields = {
    { name = "incarnation", type = "u64" },
    { name = "figures", type = "list", element = "figure" },
    { name = "failing", type = "list", element = "name", since = 2 },
    { name = "causes", type = "list", since = 3, entry = "cause", fields = {
      { name = "metric", type = "u16", values = "Metric" },
      { name = "detail", type = "text" },
    } },
  } },
  [0x0032] = { name = "ROSTER", version = 1, fields = {
    { name = "generation", type = "u64" },
    { name = "settling", type = "u8" },
    { name = "reserved", type = "zero", length = 1 },
    { name = "members", type = "list", entry = "member", fields = {
      { name = "role", type = "u8", values = "Role" },
      { name = "reserved", type = "zero", length = 1 },
      { name = "incarnation", type = "u64" },
      { name = "key", type = "bytes", length = 32 },
      { name = "name", type = "name" },
      { name = "endpoint", type = "text" },
    } },
  } },
  [0x0033] = { name = "POLICY", version = 1, fields = {
    { name = "quality", type = "u8" },
    { name = "watched", type = "u8" },
    { name = "subWidth", type = "u16" },
    { name = "ringSeconds", type = "u16" },
    { name = "kept", type = "u8", set = "Renditions" },
    { name = "reserved", type = "zero", length = 1 },
    { name = "ringBytes", type = "u64" },
    { name = "camera", type = "name" },
  } },
  [0x0034] = { name = "REFUSED", version = 1, fields = {
    { name = "reason", type = "u8", values = "RefusalReason" },
    { name = "detail", type = "text" },
  } },
  [0x0035] = { name = "CAMERA", version = 1, fields = {
    { name = "state", type = "u8", values = "CameraState" },
    { name = "format", type = "u8", values = "PixelFormat" },
    { name = "width", type = "u16" },
    { name = "height", type = "u16" },
    { name = "reserved", type = "zero", length = 2 },
    { name = "frameRate", type = "u32" },
    { name = "since", type = "i64", time = true },
    { name = "source", type = "text" },
    { name = "detail", type = "text" },
  } },
  [0x0036] = { name = "LEAVE", version = 1, fields = {
  } },
  [0x0037] = { name = "STATUS_REQUEST", version = 1, fields = {
  } },
  [0x0038] = { name = "STATUS", version = 2, fields = {
    { name = "time", type = "i64", time = true },
    { name = "members", type = "list", entry = "member", fields = {
      { name = "role", type = "u8", values = "Role" },
      { name = "camera", type = "u8", presenceOf = "camera" },
      { name = "process", type = "u32" },
      { name = "joined", type = "i64", time = true },
      { name = "silence", type = "u32" },
      { name = "name", type = "name" },
      { name = "endpoint", type = "text" },
      { name = "software", type = "text" },
      { name = "camera", type = "message", message = 0x0035, optional = true },
      { name = "figures", type = "list", element = "figure" },
    } },
    { name = "causes", type = "list", since = 2, entry = "cause", fields = {
      { name = "role", type = "u8", values = "Role" },
      { name = "reserved", type = "zero", length = 1 },
      { name = "metric", type = "u16", values = "Metric" },
      { name = "name", type = "name" },
      { name = "detail", type = "text" },
    } },
  } },
  [0x0039] = { name = "ASSIGNMENT", version = 1, fields = {
    { name = "cameras", type = "list", entry = "camera", fields = {
      { name = "sensitivity", type = "u8" },
      { name = "mapsPerSecond", type = "u8" },
      { name = "smallestObject", type = "u16" },
      { name = "camera", type = "name" },
      { name = "zones", type = "list", entry = "zone", fields = {
        { name = "kind", type = "u8", values = "ZoneKind" },
        { name = "reserved", type = "zero", length = 1 },
        { name = "corners", type = "list", entry = "corner", fields = {
          { name = "x", type = "u16" },
          { name = "y", type = "u16" },
        } },
      } },
    } },
  } },
  [0x003a] = { name = "RECORDING", version = 2, fields = {
    { name = "cameras", type = "list", entry = "camera", fields = {
      { name = "mode", type = "u8", values = "RecordingMode" },
      { name = "codec", type = "u8", values = "RecordingCodec" },
      { name = "preRoll", type = "u16" },
      { name = "postRoll", type = "u16" },
      { name = "reserved", type = "zero", length = 2 },
      { name = "keep", type = "u32" },
      { name = "keepBytes", type = "u64" },
      { name = "thinAfter", type = "u32" },
      { name = "thinRate", type = "u32" },
      { name = "camera", type = "name" },
    } },
    { name = "goneKeep", type = "u32", since = 2 },
    { name = "admitted", type = "list", element = "name", since = 2 },
  } },
  [0x003b] = { name = "CALL", version = 1, fields = {
    { name = "ticket", type = "bytes", length = 32 },
  } },
  [0x0040] = { name = "HELLO", version = 1, fields = {
    { name = "protocol", type = "u16" },
    { name = "idle", type = "u16" },
    { name = "software", type = "text" },
  } },
  [0x0041] = { name = "LOGIN", version = 3, fields = {
    { name = "username", type = "text" },
    { name = "password", type = "text", secret = true },
    { name = "remember", type = "u8", since = 2 },
    { name = "token", type = "bytes", length = 32, since = 2 },
    { name = "code", type = "text", since = 3, secret = true },
  } },
  [0x0042] = { name = "WELCOME", version = 2, fields = {
    { name = "role", type = "u8", values = "UserRole" },
    { name = "reserved", type = "zero", length = 1 },
    { name = "time", type = "i64", time = true },
    { name = "token", type = "bytes", length = 32, since = 2 },
  } },
  [0x0043] = { name = "DENIED", version = 1, fields = {
    { name = "reason", type = "u8", values = "DenialReason" },
    { name = "reserved", type = "zero", length = 1 },
    { name = "wait", type = "u32" },
    { name = "detail", type = "text" },
  } },
  [0x0044] = { name = "CAMERAS", version = 2, fields = {
    { name = "cameras", type = "list", entry = "camera", fields = {
      { name = "camera", type = "u32" },
      { name = "state", type = "u8", values = "CameraState" },
      { name = "recording", type = "u8", values = "RecordingHealth", since = 2, wasReserved = true },
      { name = "width", type = "u16" },
      { name = "height", type = "u16" },
      { name = "reserved", type = "zero", length = 2 },
      { name = "frameRate", type = "u32" },
      { name = "since", type = "i64", time = true },
      { name = "name", type = "name" },
      { name = "detail", type = "text" },
    } },
  } },
  [0x0045] = { name = "WATCH", version = 1, fields = {
    { name = "camera", type = "u32" },
    { name = "rendition", type = "u8", values = "Rendition" },
    { name = "reserved", type = "zero", length = 3 },
    { name = "credit", type = "u32" },
    { name = "interval", type = "u32" },
  } },
  [0x0046] = { name = "UNWATCH", version = 1, fields = {
    { name = "camera", type = "u32" },
  } },
  [0x0047] = { name = "FOLLOW", version = 1, fields = {
    { name = "live", type = "u8" },
    { name = "reserved", type = "zero", length = 3 },
    { name = "since", type = "i64", time = true },
    { name = "cameras", type = "list", entry = "camera", fields = {
      { name = "camera", type = "u32" },
    } },
  } },
  [0x0050] = { name = "SEARCH", version = 2, fields = {
    { name = "request", type = "u32" },
    { name = "kinds", type = "u8", set = "FoundKinds" },
    { name = "reserved", type = "zero", length = 3 },
    { name = "from", type = "i64", time = true },
    { name = "to", type = "i64", time = true },
    { name = "cameras", type = "list", entry = "camera", fields = {
      { name = "name", type = "name" },
    } },
    { name = "limit", type = "u32", since = 2 },
  } },
  [0x0051] = { name = "FOUND", version = 2, fields = {
    { name = "request", type = "u32" },
    { name = "last", type = "u8" },
    { name = "partial", type = "u8" },
    { name = "reserved", type = "zero", length = 2 },
    { name = "volume", type = "u64" },
    { name = "recordings", type = "list", entry = "recording", fields = {
      { name = "start", type = "i64", time = true },
      { name = "end", type = "i64", time = true },
      { name = "bytes", type = "u64" },
      { name = "frames", type = "u32" },
      { name = "protected", type = "u8" },
      { name = "open", type = "u8" },
      { name = "reserved", type = "zero", length = 2 },
      { name = "camera", type = "name" },
    } },
    { name = "events", type = "list", entry = "event", fields = {
      { name = "camera", type = "name" },
      { name = "event", type = "struct", struct = "event" },
    } },
    { name = "gaps", type = "list", entry = "gap", fields = {
      { name = "start", type = "i64", time = true },
      { name = "end", type = "i64", time = true },
      { name = "frames", type = "u64" },
      { name = "reason", type = "u8", values = "GapReason" },
      { name = "reserved", type = "zero", length = 1 },
      { name = "camera", type = "name" },
    } },
    { name = "since", type = "i64", time = true, since = 2 },
  } },
  [0x0052] = { name = "REPLAY", version = 1, fields = {
    { name = "flow", type = "u32" },
    { name = "credit", type = "u32" },
    { name = "interval", type = "u32" },
    { name = "content", type = "u8", values = "ReplayContent" },
    { name = "reserved", type = "zero", length = 3 },
    { name = "from", type = "i64", time = true },
    { name = "to", type = "i64", time = true },
    { name = "volume", type = "u64" },
    { name = "camera", type = "name" },
  } },
  [0x0053] = { name = "PROTECT", version = 1, fields = {
    { name = "request", type = "u32" },
    { name = "protected", type = "u8" },
    { name = "reserved", type = "zero", length = 3 },
    { name = "from", type = "i64", time = true },
    { name = "to", type = "i64", time = true },
    { name = "camera", type = "name" },
  } },
}
-- end

local secam = Proto("secam", "secam/1")
local widths = { u8 = 1, u16 = 2, u32 = 4, u64 = 8, i64 = 8 }
local constructors = {
  u8 = ProtoField.uint8, u16 = ProtoField.uint16, u32 = ProtoField.uint32, u64 = ProtoField.uint64,
  i64 = ProtoField.int64, text = ProtoField.string, name = ProtoField.string, bytes = ProtoField.bytes,
  zero = ProtoField.bytes, payload = ProtoField.bytes,
}
local codes = {}
for code, message in pairs(messages) do codes[code] = message.name end

local envelope = {
  length = ProtoField.uint32("secam.length", "length"),
  type = ProtoField.uint16("secam.type", "type", base.HEX, codes),
  version = ProtoField.uint8("secam.version", "version"),
  flags = ProtoField.uint8("secam.flags", "flags", base.HEX),
}
local headerLength = ProtoField.uint16("secam.headerLength", "headerLength")
local malformed = ProtoExpert.new("secam.malformed", "not a message", expert.group.MALFORMED, expert.severity.ERROR)

-- A filter for each field, such as secam.open.flow.
local shown = { envelope.length, envelope.type, envelope.version, envelope.flags, headerLength }
local function declare(path, fields)
  for _, field in ipairs(fields) do
    local filter = path .. "." .. field.name
    local construct = constructors[field.type]
    if construct and field.presenceOf then filter = filter .. ".present" end
    if construct and field.values then
      field.shown = construct(filter, field.name, base.DEC, enumerations[field.values])
    elseif construct then
      field.shown = construct(filter, field.name)
    end
    if field.element == "name" then
      field.item = { name = "name", shown = ProtoField.string(filter, field.name) }
      shown[#shown + 1] = field.item.shown
    end
    if field.shown then shown[#shown + 1] = field.shown end
    if field.fields then declare(path .. "." .. field.entry, field.fields) end
  end
end
for name, fields in pairs(structs) do declare("secam." .. name, fields) end
for _, message in pairs(messages) do declare("secam." .. message.name:lower(), message.fields) end
secam.fields = shown
secam.experts = { malformed }

-- Reads from `offset` on, and no further than `stop`.
local Reader = {}
Reader.__index = Reader

function Reader:take(count, field)
  if self.stop - self.offset < count then error({ secam = "ends inside " .. field }, 0) end
  self.offset = self.offset + count
  return self.tvb(self.offset - count, count)
end

function Reader:count(field)
  return self:take(2, field):le_uint()
end

function Reader:integer(field, tree)
  local range = self:take(widths[field.type], field.name)
  local item = tree:add_le(field.shown, range)
  local value = widths[field.type] <= 4 and range:le_uint() or nil
  if field.time then
    local seconds = range:le_int64():tonumber() / 1000000
    if seconds > 0 and seconds < 253402300800 then item:append_text(os.date("! (%Y-%m-%d %H:%M:%S)", math.floor(seconds))) end
  elseif field.set then
    local names = {}
    for bit, name in pairs(sets[field.set]) do
      if value % (2 * bit) >= bit then names[#names + 1] = name end
    end
    table.sort(names)
    item:append_text(" (" .. table.concat(names, ", ") .. ")")
  end
  return value
end

function Reader:text(field, tree)
  local count = self:count(field.name)
  local start = self.offset - 2
  local range = count > 0 and self:take(count, field.name) or nil
  local text = range and range:string(ENC_UTF_8) or ""
  -- Wireshark's strings end at their first NUL.
  if text ~= "" and range:raw():find("\0", 1, true) then text = range:raw():gsub("\0", "␀") end
  if field.secret then text = "(" .. count .. " bytes)" end
  tree:add(field.shown, self.tvb(start, 2 + count), text)
end

function Reader:value(field, tree)
  if widths[field.type] then return self:integer(field, tree) end
  if field.type == "text" or field.type == "name" then return self:text(field, tree) end
  if field.type == "bytes" or field.type == "zero" then
    tree:add(field.shown, self:take(field.length, field.name))
  elseif field.type == "struct" then
    self:group(structs[field.struct], field.name, tree)
  elseif field.type == "message" then
    self:group(messages[field.message].fields, field.name, tree)
  elseif field.type == "list" then
    self:list(field, tree)
  elseif self.stop > self.offset then
    tree:add(field.shown, self:take(self.stop - self.offset, field.name))
  end
end

function Reader:list(field, tree)
  local count = self:count("count")
  local start = self.offset - 2
  local list = tree:add(self.tvb(start), field.name .. ": " .. count)
  for index = 1, count do
    if field.element == "name" then
      self:text(field.item, list)
    else
      self:group(field.fields or structs[field.element], (field.entry or field.element) .. " " .. index, list)
    end
  end
  list:set_len(self.offset - start)
end

-- Fields below a line of their own.
function Reader:group(fields, title, tree)
  local start = self.offset
  if start >= self.stop then error({ secam = "ends before " .. title }, 0) end
  local item = tree:add(self.tvb(start), title)
  self:object(fields, item)
  item:set_len(self.offset - start)
end

function Reader:object(fields, tree)
  local present = {}
  for _, field in ipairs(fields) do
    if field.since and field.since > self.version then
      if field.wasReserved then self:take(widths[field.type], "reserved") end
    elseif not field.optional or present[field.name] then
      local value = self:value(field, tree)
      if field.presenceOf then present[field.presenceOf] = value == 1 end
    end
  end
end

-- Bytes after the last field are an error, except in a version that adds fields to the known ones.
function Reader:finish(message)
  if self.offset < self.stop and self.version <= message.version then
    error({ secam = self.stop - self.offset .. " bytes follow the last field" }, 0)
  end
end

local function dissectBody(tvb, tree, message)
  local reader = setmetatable({ tvb = tvb, offset = 8, stop = tvb:len(), version = tvb(6, 1):uint() }, Reader)
  local last = message.fields[#message.fields]
  if not last or last.type ~= "payload" then
    reader:object(message.fields, tree)
  else
    local length = reader:count("headerLength")
    tree:add_le(headerLength, tvb(8, 2))
    if 8 + length > tvb:len() then error({ secam = "ends inside the header" }, 0) end
    reader.stop = 8 + length
    reader:object({ table.unpack(message.fields, 1, #message.fields - 1) }, tree)
    reader:finish(message)
    reader.offset, reader.stop = reader.stop, tvb:len()
    reader:value(last, tree)
  end
  reader:finish(message)
end

local function dissectMessage(tvb, pinfo, root)
  local message = messages[tvb(4, 2):le_uint()]
  local name = message and message.name or "unknown message"
  local tree = root:add(secam, tvb(), "secam " .. name)
  for _, field in ipairs({ { "length", 0, 4 }, { "type", 4, 2 }, { "version", 6, 1 }, { "flags", 7, 1 } }) do
    tree:add_le(envelope[field[1]], tvb(field[2], field[3]))
  end
  pinfo.cols.info:append(" " .. name)
  if not message then
    tree:add_proto_expert_info(malformed, "unknown type")
    return tvb:len()
  end
  local isGood, problem = pcall(dissectBody, tvb, tree, message)
  if not isGood then
    tree:add_proto_expert_info(malformed, type(problem) == "table" and problem.secam or tostring(problem))
  end
  return tvb:len()
end

function secam.dissector(tvb, pinfo, root)
  -- Called for each TLS record, of which a packet may contain several.
  if tostring(pinfo.cols.protocol) ~= "secam" then
    pinfo.cols.protocol = "secam"
    pinfo.cols.info:clear()
  end
  dissect_tcp_pdus(tvb, root, 8, function(part, _, offset) return part(offset, 4):le_uint() + 4 end, dissectMessage)
  return tvb:len()
end

DissectorTable.get("tls.alpn"):add("secam/1", secam)
DissectorTable.get("tls.port"):add_for_decode_as(secam)
DissectorTable.get("tcp.port"):add_for_decode_as(secam)

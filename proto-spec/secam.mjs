// The messages of secam/1. README.md describes the protocol, errors.md the classes of errors.
// `swift run secam-protocol` generates the part between the markers from schema.json.

// generated: tables
/** Value of `protocol` in HELLO. */
export const protocolVersion = 1;

/** Classes of errors. */
export const ErrorClass = Object.freeze({
  oversized: "oversized", // `length` + 4 is above the current limit
  undersized: "undersized", // `length` is below 4
  unknownType: "unknown-type", // no message has this type, or the sender may not send it here
  badVersion: "bad-version", // `version` is 0
  truncated: "truncated", // a ZeroMQ part ends before its message, or a body or header ends inside a field
  trailingBytes: "trailing-bytes", // a ZeroMQ part continues after its message, or bytes follow the last field
  badValue: "bad-value", // a value is outside the range of its field: enumeration, range, name, flag
  tooLong: "too-long", // a text has more bytes, or a list more entries, than its limit
  badText: "bad-text", // a text is not UTF-8
});

/** Limits; numbers that do not fit into 53 bits are BigInts. */
export const limits = Object.freeze({
  meshMessage: 67108864, // message between services, envelope included, bytes
  frameMessage: 16777216, // message from a camera to a consumer or from an archive, envelope included, bytes
  viewerMessage: 65536, // message from a viewer who is logged in, envelope included, bytes
  beforeLogin: 4096, // message from a viewer before WELCOME, envelope included, bytes
  times: 2305843009213693952n, // distance of a point in time from 1970-01-01 00:00:00, in either direction, UTC microseconds
  sequence: 281474976710656n, // sequence number of a frame or event
  name: 64, // name, username, group or software, in UTF-8, bytes
  text: 1024, // human-readable text, in UTF-8, bytes
  password: 1024, // password, in UTF-8, bytes
  deviceToken: 32, // device token, bytes
  code: 32, // code of a second factor, in UTF-8, bytes
  key: 32, // CURVE public key, bytes
  ticket: 32, // ticket of a CALL or SHARE, bytes
  endpoint: 256, // ZeroMQ endpoint, in UTF-8, bytes
  members: 4096, // members of a roster, and cameras of a list
  figures: 64, // figures of a member
  renditions: 8, // renditions of a result
  credit: 1024, // credit of a flow, and jobs of a grant, frames
  found: 512, // recordings, events and gaps of one FOUND, each
  answer: 100000, // recordings, events and gaps of the answer to one SEARCH, each
  boxes: 16, // boxes of an event
  zones: 32, // zones of a camera
  corners: 64, // corners of a zone
  failingCameras: 256, // cameras that a BEAT names as failing
  causesOfMember: 8, // causes of a BEAT
  causes: 8192, // causes of a STATUS
  roll: 3600, // pre-roll and post-roll of a recording, seconds
  side: 16384, // side of a picture, pixels
  memoryFile: 67108864, // memory file of a camera, bytes
  slots: 64, // slots of a memory file
});

/** The role of a service or an operator. A key belongs to one role, and the role decides what its holder may send. */
export const Role = Object.freeze({
  gateway: 1, // registry, and consumer on behalf of viewers
  capture: 2, // camera
  encode: 3, // encoder
  motion: 4, // motion service: consumer that detects motion
  archive: 5, // consumer that records
  operator: 6, // command-line user who may send STATUS_REQUEST; does not join
});

/** A form in which a camera's frames are available. */
export const Rendition = Object.freeze({
  jpeg: 1, // full picture
  sub: 2, // smaller picture, for grids and slow connections
  luma: 3, // small brightness map, for motion detection
});

/** The content of a flow: one rendition of a camera's frames, or its events. */
export const FlowContent = Object.freeze({
  jpeg: 1, // frames of the rendition `jpeg`
  sub: 2, // frames of the rendition `sub`
  luma: 3, // frames of the rendition `luma`
  events: 4, // the camera's events
  spooled: 5, // `jpeg` frames that left the ring before an archive had them, from the camera's spool
});

/** The arrangement of a picture's bytes. */
export const PixelFormat = Object.freeze({
  jpeg: 1, // JPEG
  gray8: 2, // 8-bit luma
  yuyv: 3, // packed 4:2:2
  nv12: 4, // planar 4:2:0, U and V interleaved
  i420: 5, // planar 4:2:0
  rgb24: 6, // packed RGB
});

/** The frames that a flow delivers when its credit runs out. */
export const FlowPolicy = Object.freeze({
  every: 1, // all frames, in order; GAP reports frames that left the ring
  latest: 2, // newest frame at the time when there is credit
});

/** The first frame of a flow. */
export const FlowStart = Object.freeze({
  live: 1, // next frame; with policy `latest`, the newest existing one if it is at most 1 s old
  sequence: 2, // frame with this number; the oldest in the ring if it has left, or the camera has restarted
  time: 3, // first frame at or after this time; if the ring has none, the next new frame
  acknowledged: 4, // frame after the group's last acknowledged one
});

/** The reason why frames are missing. */
export const GapReason = Object.freeze({
  overflow: 1, // the frames left the ring before there was credit for them
  dropped: 2, // frames that were due were not made, or the device damaged them
  spooled: 3, // the frames left the ring and are in the spool: a flow with content `spooled` delivers them
});

/** The reason why a flow ends. */
export const CloseReason = Object.freeze({
  done: 1, // the sender no longer needs the flow
  unknownFlow: 2, // the camera does not know the flow, as after a restart; open it again
  forbidden: 3, // the sender's role does not permit the flow
  tooMany: 4, // a limit of the camera is reached
  shutdown: 5, // the sender stops for now; a group's cursor remains
  noSuchContent: 6, // the camera does not provide this content
});

/** The state of a camera. */
export const CameraState = Object.freeze({
  idle: 1, // no consumer needs pictures; the device is stopped
  starting: 2, // the device is being opened
  online: 3, // frames arrive
  offline: 4, // the device is absent or fails; the camera retries
  waiting: 5, // the device delivers pictures, but no encoder accepts them
});

/** The kind of an event. */
export const EventKind = Object.freeze({
  motion: 1, // something moves
  unwatched: 2, // motion detection is required, but no motion service watches
});

/** The state of an event. */
export const EventState = Object.freeze({
  start: 1, // the event has begun
  update: 2, // the event continues
  end: 3, // the event is over
});

/** The effect of a zone on motion detection. */
export const ZoneKind = Object.freeze({
  watch: 1, // area to watch; with at least one, everything outside such zones is ignored
  ignore: 2, // area that is always ignored
});

/** The reason why the registry refuses a service. */
export const RefusalReason = Object.freeze({
  nameTaken: 1, // another member has this name; may be temporary
  wrongRole: 2, // the key does not permit this role or name
  tooMany: 3, // the roster is full, or this key has too many services
  notJoined: 4, // the sender has not joined, as after the registry's restart; join again
});

/** The role of a user. */
export const UserRole = Object.freeze({
  admin: 1, // sees everything
  viewer: 2, // sees the cameras that were granted to the user
});

/** The reason why the gateway refuses a login. */
export const DenialReason = Object.freeze({
  credentials: 1, // username or password is wrong; the gateway does not say which
  locked: 2, // too many wrong attempts for this user or from this address; wait
  busy: 3, // the gateway is busy with other logins; retry
  secondFactor: 4, // the password is right, and the `code` is missing, wrong or used
  enrolment: 5, // the password is right, and the user must set up a second factor first
});

/** The reason why the gateway cannot do what a viewer requested. */
export const ErrorCode = Object.freeze({
  noSuchCamera: 1, // no such camera, or one that this user may not see; the two are indistinguishable
  noSuchRendition: 2, // the camera exists but does not provide this rendition
  forbidden: 3, // the user may not do this
  unexpected: 4, // the message is well-formed but makes no sense at this point
  tooMany: 5, // a limit of the gateway is reached
});

/** The reason why a connection ends. */
export const ByeReason = Object.freeze({
  done: 1, // the sender is done
  shutdown: 2, // the gateway stops or restarts; reconnect later
  idle: 3, // the peer was silent for too long
  malformed: 4, // a message broke the protocol
  overload: 5, // too many connections or requests
  revoked: 6, // the user was removed, the password or role changed, or the session is over
});

/** The state of a camera's recording. */
export const RecordingHealth = Object.freeze({
  off: 0, // the policy does not record the camera, or the gateway does not yet know which archive records it
  on: 1, // an archive records the camera
  stopped: 2, // the policy records the camera, but no archive does
  diskLow: 3, // an archive records the camera on a disk that is nearly full
});

/** The times at which a camera is recorded. */
export const RecordingMode = Object.freeze({
  motion: 1, // during motion, with pre-roll and post-roll
  continuous: 2, // always, regardless of motion
  both: 3, // always, and motion is noted
});

/** The content of a replay. */
export const ReplayContent = Object.freeze({
  frames: 0, // recorded frames
  thumbnails: 1, // one small picture of each event
});

/** The compression of complete recordings. */
export const RecordingCodec = Object.freeze({
  jpeg: 0, // recordings stay as they arrived
  h264: 1, // recordings are compressed when complete; a replay still delivers JPEGs
});

/** A figure of a member. A counter counts from the start of the member. */
export const Metric = Object.freeze({
  framesCaptured: 1, // frames that the device delivered
  framesDamaged: 2, // unusable frames among `framesCaptured`
  framesDropped: 3, // frames that no encoder accepted in time
  framesPublished: 4, // frames that entered the ring as jpeg
  bytesPublished: 5, // bytes sent on all flows
  workSent: 6, // jobs sent to encoders, repetitions included
  workRepeated: 7, // jobs sent again
  creditFromWorkers: 8, // jobs that encoders accept (gauge)
  flowsOpen: 9, // open flows (gauge)
  ringBytes: 10, // bytes in the ring (gauge)
  jobsDone: 11, // jobs that an encoder completed
  jobsFailed: 12, // jobs that an encoder could not do
  encodeMicroseconds: 13, // time that an encoder spent on jobs, of all threads
  viewers: 14, // viewers logged in (gauge)
  framesToViewers: 15, // frames sent to viewers
  bytesToViewers: 16, // bytes of `framesToViewers`
  framesSkipped: 17, // frames that a viewer or flow skipped for a newer one
  messagesRefused: 18, // malformed or forbidden messages, and refused connections and flows
  framesReceived: 19, // frames that a consumer received
  residentBytes: 20, // memory of the process (gauge)
  cpuMicroseconds: 21, // processor time of the process
  camerasAssigned: 22, // cameras that a motion service watches (gauge)
  eventsTold: 23, // events that a motion service began
  detectMicroseconds: 24, // time that a motion service spent on analysing maps
  framesRecorded: 25, // frames that an archive has on its disk
  bytesRecorded: 26, // bytes of `framesRecorded`
  framesMissed: 27, // frames that an archive did not receive, according to GAPs
  bytesStored: 28, // bytes of all recordings of an archive's volume (gauge)
  bytesFree: 29, // free bytes on an archive's disk (gauge)
  camerasFailing: 30, // cameras that an archive should record but cannot (gauge)
  timesCorrected: 31, // camera timestamps that an archive replaced because they were too far from its own time
  clockDoubted: 32, // 1 while an archive distrusts its wall clock and keeps expired recordings (gauge)
  policyInvalid: 33, // 1 while the gateway's policy file is unusable and an earlier policy is in force (gauge)
  camerasUnrecorded: 34, // cameras that the policy records but no archive does, counted by the gateway (gauge)
  diskLow: 35, // 1 while an archive's disk is nearly full (gauge)
  framesSpooled: 36, // frames that a camera kept for an absent archive
  bytesSpooled: 37, // bytes in a camera's spool on its disk (gauge)
  workers: 38, // encoders connected to a camera (gauge)
  workersSharing: 39, // encoders among `workers` that have mapped the camera's memory file (gauge)
  workShared: 40, // jobs among `workSent` whose picture was in shared memory
  camerasShared: 41, // cameras whose memory file an encoder has mapped (gauge)
});

/** A set of renditions. A sum of these. */
export const Renditions = Object.freeze({
  jpeg: 1,
  sub: 2,
  luma: 4,
});

/** The kinds of entries that a SEARCH asks for. A sum of these. */
export const FoundKinds = Object.freeze({
  recordings: 1,
  events: 2,
  gaps: 4,
});

const structs = {
  event: [
    { name: "kind", type: "u8", values: EventKind },
    { name: "state", type: "u8", values: EventState },
    { name: "reserved", type: "zero", length: 2 },
    { name: "id", type: "u64" },
    { name: "start", type: "i64", min: -limits.times, max: limits.times },
    { name: "last", type: "i64", min: -limits.times, max: limits.times, notBelow: "start" },
    { name: "peakTime", type: "i64", min: -limits.times, max: limits.times },
    { name: "peakSequence", type: "u64", max: limits.sequence },
    { name: "peakBox", type: "struct", fields: "box" },
    { name: "boxes", type: "list", limit: limits.boxes, element: "box" },
  ],
  box: [
    { name: "x", type: "u16" },
    { name: "y", type: "u16" },
    { name: "width", type: "u16", sum: { with: "x", max: 65535 } },
    { name: "height", type: "u16", sum: { with: "y", max: 65535 } },
    { name: "score", type: "u32" },
  ],
  figure: [
    { name: "metric", type: "u16", values: Metric, skip: true },
    { name: "value", type: "u64" },
  ],
};

const messages = {
  // Asks whether the other end is alive.
  PING: { code: 0x0001, version: 1, fields: [
    { name: "token", type: "u64" },
  ] },
  // Answers PING.
  PONG: { code: 0x0002, version: 1, fields: [
    { name: "token", type: "u64" },
  ] },
  // Tells a viewer that the gateway cannot do what a message requested. The connection stays open.
  ERROR: { code: 0x0003, version: 1, fields: [
    { name: "code", type: "u16", values: ErrorCode },
    { name: "detail", type: "text", limit: limits.text },
  ] },
  // Ends a connection. The sender closes it after this message.
  BYE: { code: 0x0004, version: 1, fields: [
    { name: "reason", type: "u8", values: ByeReason },
    { name: "detail", type: "text", limit: limits.text },
  ] },
  // Opens a flow at a camera, or replaces the open flow with this number.
  OPEN: { code: 0x0010, version: 1, fields: [
    { name: "flow", type: "u32" },
    { name: "content", type: "u8", values: FlowContent },
    { name: "policy", type: "u8", values: FlowPolicy },
    { name: "start", type: "u8", values: FlowStart, checkedAfter: "position" },
    { name: "reserved", type: "zero", length: 1 },
    { name: "incarnation", type: "u64", by: { field: "start", readings: { 2: "u64" } } },
    { name: "position", type: "u64", by: { field: "start", readings: { 2: "sequenceBound", 3: "timeBound" } } },
    { name: "credit", type: "u32", max: 1024 },
    { name: "interval", type: "u32" },
    { name: "group", type: "text", limit: limits.name },
  ] },
  // Adds to the credit of a flow.
  CREDIT: { code: 0x0011, version: 1, fields: [
    { name: "flow", type: "u32" },
    { name: "frames", type: "u32", max: 1024 },
  ] },
  // Carries one frame of a camera in one rendition. The payload is the picture.
  FRAME: { code: 0x0012, version: 1, fields: [
    { name: "flow", type: "u32" },
    { name: "rendition", type: "u8", values: Rendition },
    { name: "format", type: "u8", values: PixelFormat },
    { name: "incarnation", type: "u64" },
    { name: "sequence", type: "u64", max: limits.sequence },
    { name: "timestamp", type: "i64", min: -limits.times, max: limits.times },
    { name: "width", type: "u16", min: 1, max: 16384, checkedAfter: "height" },
    { name: "height", type: "u16", min: 1, max: 16384 },
    { name: "payload", type: "payload" },
  ] },
  // Reports frames that a flow with policy `every` will not deliver.
  GAP: { code: 0x0013, version: 2, fields: [
    { name: "flow", type: "u32" },
    { name: "incarnation", type: "u64" },
    { name: "first", type: "u64", max: limits.sequence },
    { name: "last", type: "u64", max: limits.sequence, notBelow: "first" },
    { name: "reason", type: "u8", values: GapReason },
    { name: "since", type: "i64", min: -limits.times, max: limits.times, since: 2, default: -2305843009213693952n },
    { name: "until", type: "i64", min: -limits.times, max: limits.times, since: 2, default: 2305843009213693952n },
  ] },
  // Tells a camera that the consumer has made all frames of the flow up to this one durable.
  ACK: { code: 0x0014, version: 1, fields: [
    { name: "flow", type: "u32" },
    { name: "incarnation", type: "u64" },
    { name: "sequence", type: "u64", max: limits.sequence },
  ] },
  // Ends a flow, from either end.
  CLOSE: { code: 0x0015, version: 1, fields: [
    { name: "flow", type: "u32" },
    { name: "reason", type: "u8", values: CloseReason },
    { name: "detail", type: "text", limit: limits.text },
  ] },
  // Carries the state of an event from a camera's event log.
  EVENT: { code: 0x0016, version: 1, fields: [
    { name: "flow", type: "u32" },
    { name: "incarnation", type: "u64" },
    { name: "sequence", type: "u64", max: limits.sequence },
    { name: "event", type: "struct", fields: "event" },
  ] },
  // Reports an event from a motion service to a camera.
  DETECTION: { code: 0x0017, version: 1, fields: [
    { name: "flow", type: "u32" },
    { name: "event", type: "struct", fields: "event", require: { field: "kind", value: EventKind.motion } },
  ] },
  // Tells a camera how many unanswered jobs an encoder accepts.
  GRANT: { code: 0x0020, version: 2, fields: [
    { name: "jobs", type: "u32", max: 1024 },
    { name: "memory", type: "u64", since: 2, default: 0n },
  ] },
  // Gives an encoder a job. The payload is the picture.
  WORK: { code: 0x0021, version: 2, fields: [
    { name: "job", type: "u64" },
    { name: "renditions", type: "u8", mask: 7, min: 1 },
    { name: "quality", type: "u8", min: 1, max: 100 },
    { name: "subWidth", type: "u16", min: 16, max: 16384 },
    { name: "format", type: "u8", values: PixelFormat },
    { name: "reserved", type: "zero", length: 1 },
    { name: "width", type: "u16", min: 1, max: 16384, checkedAfter: "height" },
    { name: "height", type: "u16", min: 1, max: 16384 },
    { name: "memory", type: "u64", since: 2, default: 0n },
    { name: "slot", type: "u16", since: 2, default: 0 },
    { name: "generation", type: "u64", since: 2, default: 0n },
    { name: "length", type: "u32", since: 2, default: 0 },
    { name: "payload", type: "payload" },
  ] },
  // Returns the renditions of one job. The payload is their bytes, one after the other in the order of the list.
  RESULT: { code: 0x0022, version: 1, fields: [
    { name: "job", type: "u64" },
    { name: "elapsed", type: "u32" },
    { name: "failure", type: "text", limit: limits.text },
    { name: "renditions", type: "list", limit: limits.renditions, entry: [
      { name: "rendition", type: "u8", values: Rendition },
      { name: "format", type: "u8", values: PixelFormat },
      { name: "width", type: "u16", min: 1, max: 16384, checkedAfter: "length" },
      { name: "height", type: "u16", min: 1, max: 16384, checkedAfter: "length" },
      { name: "length", type: "u32" },
    ] },
    { name: "payload", type: "payload" },
  ] },
  // Offers an encoder the memory file of a camera's raw pictures, or withdraws it.
  SHARE: { code: 0x0023, version: 1, fields: [
    { name: "memory", type: "u64" },
    { name: "slots", type: "u16", max: 64 },
    { name: "slotLength", type: "u32", max: 67108864 },
    { name: "ticket", type: "bytes", length: 32 },
    { name: "socket", type: "name" },
  ] },
  // Asks the registry to admit a service.
  JOIN: { code: 0x0030, version: 1, fields: [
    { name: "role", type: "u8", values: Role },
    { name: "reserved", type: "zero", length: 1 },
    { name: "process", type: "u32" },
    { name: "incarnation", type: "u64" },
    { name: "name", type: "name" },
    { name: "endpoint", type: "text", limit: limits.endpoint },
    { name: "software", type: "text", limit: limits.name },
  ] },
  // Shows that its sender is alive, once a second, and carries its figures.
  BEAT: { code: 0x0031, version: 3, fields: [
    { name: "incarnation", type: "u64" },
    { name: "figures", type: "list", limit: limits.figures, element: "figure" },
    { name: "failing", type: "list", limit: limits.failingCameras, since: 2, default: [], element: "name" },
    { name: "causes", type: "list", limit: limits.causesOfMember, since: 3, default: [], entry: [
      { name: "metric", type: "u16", values: Metric, skip: true },
      { name: "detail", type: "text", limit: limits.text },
    ] },
  ] },
  // Lists all live members.
  ROSTER: { code: 0x0032, version: 1, fields: [
    { name: "generation", type: "u64" },
    { name: "settling", type: "u8", flag: true },
    { name: "reserved", type: "zero", length: 1 },
    { name: "members", type: "list", limit: limits.members, entry: [
      { name: "role", type: "u8", values: Role },
      { name: "reserved", type: "zero", length: 1 },
      { name: "incarnation", type: "u64" },
      { name: "key", type: "bytes", length: 32 },
      { name: "name", type: "name" },
      { name: "endpoint", type: "text", limit: limits.endpoint },
    ] },
  ] },
  // Carries a camera's policy.
  POLICY: { code: 0x0033, version: 1, fields: [
    { name: "quality", type: "u8", min: 1, max: 100 },
    { name: "watched", type: "u8", flag: true },
    { name: "subWidth", type: "u16", min: 16, max: 16384 },
    { name: "ringSeconds", type: "u16", min: 1 },
    { name: "kept", type: "u8", mask: 7 },
    { name: "reserved", type: "zero", length: 1 },
    { name: "ringBytes", type: "u64", min: 1n },
    { name: "camera", type: "name" },
  ] },
  // Tells a service that the registry does not admit it.
  REFUSED: { code: 0x0034, version: 1, fields: [
    { name: "reason", type: "u8", values: RefusalReason },
    { name: "detail", type: "text", limit: limits.text },
  ] },
  // Reports the state of a service's camera to the registry.
  CAMERA: { code: 0x0035, version: 1, fields: [
    { name: "state", type: "u8", values: CameraState },
    { name: "format", type: "u8", values: PixelFormat, zero: true },
    { name: "width", type: "u16" },
    { name: "height", type: "u16" },
    { name: "reserved", type: "zero", length: 2 },
    { name: "frameRate", type: "u32" },
    { name: "since", type: "i64", min: -limits.times, max: limits.times },
    { name: "source", type: "text", limit: limits.text },
    { name: "detail", type: "text", limit: limits.text },
  ] },
  // Tells the registry that a member ends. The body is empty.
  LEAVE: { code: 0x0036, version: 1, fields: [
  ] },
  // Asks the registry for STATUS. The body is empty.
  STATUS_REQUEST: { code: 0x0037, version: 1, fields: [
  ] },
  // Describes all members to an operator.
  STATUS: { code: 0x0038, version: 2, fields: [
    { name: "time", type: "i64", min: -limits.times, max: limits.times },
    { name: "members", type: "list", limit: limits.members, entry: [
      { name: "role", type: "u8", values: Role },
      { name: "camera", type: "u8", flag: true, presenceOf: "camera" },
      { name: "process", type: "u32" },
      { name: "joined", type: "i64", min: -limits.times, max: limits.times },
      { name: "silence", type: "u32" },
      { name: "name", type: "name" },
      { name: "endpoint", type: "text", limit: limits.endpoint },
      { name: "software", type: "text", limit: limits.name },
      { name: "camera", type: "message", message: "CAMERA", optional: true },
      { name: "figures", type: "list", limit: limits.figures, element: "figure" },
    ] },
    { name: "causes", type: "list", limit: limits.causes, since: 2, default: [], entry: [
      { name: "role", type: "u8", values: Role },
      { name: "reserved", type: "zero", length: 1 },
      { name: "metric", type: "u16", values: Metric, skip: true },
      { name: "name", type: "name" },
      { name: "detail", type: "text", limit: limits.text },
    ] },
  ] },
  // Lists all cameras that a motion service watches.
  ASSIGNMENT: { code: 0x0039, version: 1, fields: [
    { name: "cameras", type: "list", limit: limits.members, entry: [
      { name: "sensitivity", type: "u8", min: 1, max: 100 },
      { name: "mapsPerSecond", type: "u8", min: 1, max: 30 },
      { name: "smallestObject", type: "u16", max: 10000 },
      { name: "camera", type: "name" },
      { name: "zones", type: "list", limit: limits.zones, entry: [
        { name: "kind", type: "u8", values: ZoneKind },
        { name: "reserved", type: "zero", length: 1 },
        { name: "corners", type: "list", limit: limits.corners, min: 3, entry: [
          { name: "x", type: "u16" },
          { name: "y", type: "u16" },
        ] },
      ] },
    ] },
  ] },
  // Lists all cameras that an archive records.
  RECORDING: { code: 0x003a, version: 2, fields: [
    { name: "cameras", type: "list", limit: limits.members, entry: [
      { name: "mode", type: "u8", values: RecordingMode },
      { name: "codec", type: "u8", values: RecordingCodec },
      { name: "preRoll", type: "u16", max: 3600 },
      { name: "postRoll", type: "u16", max: 3600 },
      { name: "reserved", type: "zero", length: 2 },
      { name: "keep", type: "u32" },
      { name: "keepBytes", type: "u64" },
      { name: "thinAfter", type: "u32" },
      { name: "thinRate", type: "u32", min: 1 },
      { name: "camera", type: "name" },
    ] },
    { name: "goneKeep", type: "u32", since: 2, default: 0 },
    { name: "admitted", type: "list", limit: limits.members, since: 2, default: [], element: "name" },
  ] },
  // Asks a relayed service to connect to the relay for a waiting peer.
  CALL: { code: 0x003b, version: 1, fields: [
    { name: "ticket", type: "bytes", length: 32 },
  ] },
  // Begins a connection, from each end.
  HELLO: { code: 0x0040, version: 1, fields: [
    { name: "protocol", type: "u16", min: 1 },
    { name: "idle", type: "u16" },
    { name: "software", type: "text", limit: limits.name },
  ] },
  // Carries the credentials of a user.
  LOGIN: { code: 0x0041, version: 3, fields: [
    { name: "username", type: "text", limit: limits.name },
    { name: "password", type: "text", limit: limits.password },
    { name: "remember", type: "u8", flag: true, since: 2, default: false },
    { name: "token", type: "bytes", length: 32, since: 2, default: new Uint8Array(32) },
    { name: "code", type: "text", limit: limits.code, since: 3, default: "" },
  ] },
  // Accepts a login.
  WELCOME: { code: 0x0042, version: 2, fields: [
    { name: "role", type: "u8", values: UserRole },
    { name: "reserved", type: "zero", length: 1 },
    { name: "time", type: "i64", min: -limits.times, max: limits.times },
    { name: "token", type: "bytes", length: 32, since: 2, default: new Uint8Array(32) },
  ] },
  // Refuses a login.
  DENIED: { code: 0x0043, version: 1, fields: [
    { name: "reason", type: "u8", values: DenialReason },
    { name: "reserved", type: "zero", length: 1 },
    { name: "wait", type: "u32" },
    { name: "detail", type: "text", limit: limits.text },
  ] },
  // Lists all cameras that the user may see.
  CAMERAS: { code: 0x0044, version: 2, fields: [
    { name: "cameras", type: "list", limit: limits.members, entry: [
      { name: "camera", type: "u32" },
      { name: "state", type: "u8", values: CameraState },
      { name: "recording", type: "u8", values: RecordingHealth, since: 2, default: RecordingHealth.off, was: "reserved" },
      { name: "width", type: "u16" },
      { name: "height", type: "u16" },
      { name: "reserved", type: "zero", length: 2 },
      { name: "frameRate", type: "u32" },
      { name: "since", type: "i64", min: -limits.times, max: limits.times },
      { name: "name", type: "name" },
      { name: "detail", type: "text", limit: limits.text },
    ] },
  ] },
  // Asks for a camera's frames.
  WATCH: { code: 0x0045, version: 1, fields: [
    { name: "camera", type: "u32" },
    { name: "rendition", type: "u8", values: Rendition },
    { name: "reserved", type: "zero", length: 3 },
    { name: "credit", type: "u32", max: 1024 },
    { name: "interval", type: "u32" },
  ] },
  // Stops a camera's frames.
  UNWATCH: { code: 0x0046, version: 1, fields: [
    { name: "camera", type: "u32" },
  ] },
  // Asks for events.
  FOLLOW: { code: 0x0047, version: 1, fields: [
    { name: "live", type: "u8", flag: true },
    { name: "reserved", type: "zero", length: 3 },
    { name: "since", type: "i64", bound: "time" },
    { name: "cameras", type: "list", limit: limits.members, entry: [
      { name: "camera", type: "u32" },
    ] },
  ] },
  // Searches recordings, events and gaps.
  SEARCH: { code: 0x0050, version: 2, fields: [
    { name: "request", type: "u32" },
    { name: "kinds", type: "u8", mask: 7, min: 1 },
    { name: "reserved", type: "zero", length: 3 },
    { name: "from", type: "i64", bound: "time" },
    { name: "to", type: "i64", bound: "time", above: "from" },
    { name: "cameras", type: "list", limit: limits.members, entry: [
      { name: "name", type: "name" },
    ] },
    { name: "limit", type: "u32", min: 1, max: 100000, since: 2, default: 100000 },
  ] },
  // Answers SEARCH and PROTECT. The last FOUND of an answer has `last` 1.
  FOUND: { code: 0x0051, version: 2, fields: [
    { name: "request", type: "u32" },
    { name: "last", type: "u8", flag: true },
    { name: "partial", type: "u8", flag: true },
    { name: "reserved", type: "zero", length: 2 },
    { name: "volume", type: "u64" },
    { name: "recordings", type: "list", limit: limits.found, entry: [
      { name: "start", type: "i64", min: -limits.times, max: limits.times },
      { name: "end", type: "i64", min: -limits.times, max: limits.times, notBelow: "start" },
      { name: "bytes", type: "u64" },
      { name: "frames", type: "u32" },
      { name: "protected", type: "u8", flag: true },
      { name: "open", type: "u8", flag: true },
      { name: "reserved", type: "zero", length: 2 },
      { name: "camera", type: "name" },
    ] },
    { name: "events", type: "list", limit: limits.found, entry: [
      { name: "camera", type: "name" },
      { name: "event", type: "struct", fields: "event" },
    ] },
    { name: "gaps", type: "list", limit: limits.found, entry: [
      { name: "start", type: "i64", min: -limits.times, max: limits.times },
      { name: "end", type: "i64", min: -limits.times, max: limits.times, notBelow: "start" },
      { name: "frames", type: "u64" },
      { name: "reason", type: "u8", values: GapReason },
      { name: "reserved", type: "zero", length: 1 },
      { name: "camera", type: "name" },
    ] },
    { name: "since", type: "i64", min: -limits.times, max: limits.times, since: 2, default: -2305843009213693952n },
  ] },
  // Asks for recorded frames.
  REPLAY: { code: 0x0052, version: 1, fields: [
    { name: "flow", type: "u32" },
    { name: "credit", type: "u32", max: 1024 },
    { name: "interval", type: "u32" },
    { name: "content", type: "u8", values: ReplayContent },
    { name: "reserved", type: "zero", length: 3 },
    { name: "from", type: "i64", bound: "time" },
    { name: "to", type: "i64", bound: "time", above: "from" },
    { name: "volume", type: "u64" },
    { name: "camera", type: "name" },
  ] },
  // Protects recordings from deletion, or ends their protection.
  PROTECT: { code: 0x0053, version: 1, fields: [
    { name: "request", type: "u32" },
    { name: "protected", type: "u8", flag: true },
    { name: "reserved", type: "zero", length: 3 },
    { name: "from", type: "i64", bound: "time" },
    { name: "to", type: "i64", bound: "time", above: "from" },
    { name: "camera", type: "name" },
  ] },
};
// end

/** Bytes that are not a message. */
export class WireError extends Error {
  /**
   * @param {string} errorClass one of `ErrorClass`
   * @param {string} [field] the field at which the error was detected
   */
  constructor(errorClass, field) {
    super(field === undefined ? errorClass : `${errorClass} at ${field}`);
    this.name = "WireError";
    this.errorClass = errorClass;
    this.field = field;
  }
}

/** Bytes of the envelope before each body. */
export const envelopeLength = 8;

const byCode = new Map(Object.entries(messages).map(([name, message]) => [message.code, name]));
const widths = { u8: 1, u16: 2, u32: 4, u64: 8, i64: 8 };
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether a text is a name by the rules of types.md. */
export function isName(text) {
  return text !== "" && new TextEncoder().encode(text).length <= limits.name
    && !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}/\\]|(?! )\p{Zs}|^[.\- ]| $/u.test(text);
}

class Reader {
  constructor(bytes, offset, end, version) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = end;
    this.version = version;
  }

  /** The offset of the next `count` bytes. */
  take(count, field) {
    if (this.end - this.offset < count) throw new WireError(ErrorClass.truncated, field);
    this.offset += count;
    return this.offset - count;
  }

  integer(type, field) {
    const offset = this.take(widths[type], field);
    switch (type) {
      case "u8": return this.view.getUint8(offset);
      case "u16": return this.view.getUint16(offset, true);
      case "u32": return this.view.getUint32(offset, true);
      case "u64": return this.view.getBigUint64(offset, true);
      default: return this.view.getBigInt64(offset, true);
    }
  }

  raw(count, field) {
    const offset = this.take(count, field);
    return this.bytes.subarray(offset, offset + count);
  }

  count(field, limit, name) {
    const count = this.integer("u16", name);
    if (count > limit) throw new WireError(ErrorClass.tooLong, name);
    return count;
  }

  text(field, limit) {
    const raw = this.raw(this.count(field, limit, field.name), field.name);
    try {
      return utf8.decode(raw);
    } catch {
      throw new WireError(ErrorClass.badText, field.name);
    }
  }

  name(field) {
    const text = this.text(field, limits.name);
    if (!isName(text)) throw new WireError(ErrorClass.badValue, field.name);
    return text;
  }

  value(field) {
    switch (field.type) {
      case "text": return this.text(field, field.limit);
      case "name": return this.name(field);
      case "bytes": return this.raw(field.length, field.name).slice();
      case "zero": return this.raw(field.length, field.name);
      case "payload": return this.raw(this.end - this.offset, field.name);
      case "struct": return this.object(structs[field.fields]);
      case "message": return this.object(messages[field.message].fields);
      case "list": return this.list(field);
      default: return this.integer(field.type, field.name);
    }
  }

  list(field) {
    const count = this.count(field, field.limit, "count");
    if (count < (field.min ?? 0)) throw new WireError(ErrorClass.badValue, "count");
    const list = [];
    for (let index = 0; index < count; index++) {
      const entry = field.element === "name"
        ? this.name({ name: "name" })
        : this.object(field.entry ?? structs[field.element]);
      if (entry !== undefined) list.push(entry);
    }
    return list;
  }

  /** All fields in order; `undefined` if an entry is to be skipped. */
  object(fields) {
    const values = {};
    const present = {};
    const later = [];
    let isSkipped = false;
    for (const field of fields) {
      if (field.since > this.version) {
        if (field.was) this.take(widths[field.type], "reserved");
        values[field.name] = structuredClone(field.default);
        continue;
      }
      if (field.optional && !present[field.name]) {
        values[field.name] = null;
        continue;
      }
      let value = this.value(field);
      if (field.type === "zero") continue;
      if (field.by) value = read(value, field.by.readings[values[field.by.field]]);
      if (field.bound) value = clamped(value);
      values[field.name] = value;
      if (field.skip && !has(field.values, value)) isSkipped = true;
      if (field.checkedAfter) later.push(field);
      else if (!field.skip) check(field, values);
      for (const other of later) if (other.checkedAfter === field.name) check(other, values);
      if (field.presenceOf) {
        delete values[field.name];
        present[field.presenceOf] = value === 1;
      } else if (field.flag) {
        values[field.name] = value === 1;
      }
    }
    return isSkipped ? undefined : values;
  }
}

function has(values, value) {
  return Object.values(values).includes(value);
}

function clamped(time) {
  if (time > limits.times) return limits.times;
  return time < -limits.times ? -limits.times : time;
}

/** A number of which another field says what it is. */
function read(value, reading) {
  switch (reading) {
    case "u64": return value;
    case "sequenceBound": return value > limits.sequence ? limits.sequence : value;
    case "timeBound": return BigInt.asUintN(64, clamped(BigInt.asIntN(64, value)));
    default: return 0n;
  }
}

/** Whether the type of a field holds a number. */
function fits(type, value) {
  const bits = 8 * widths[type];
  if (bits === 64) {
    return typeof value === "bigint" && (type === "i64" ? BigInt.asIntN : BigInt.asUintN)(64, value) === value;
  }
  return Number.isInteger(value) && value >= 0 && value < 2 ** bits;
}

/** Whether a field may have a value, beside the fields before it. */
function isAllowed(field, value, values) {
  if (field.require) return value[field.require.field] === field.require.value;
  if (field.values) return (field.zero && value === 0) || has(field.values, value);
  if (field.flag) return value === 0 || value === 1;
  if (field.mask) return (value & ~field.mask) === 0 && value >= (field.min ?? 0);
  if (widths[field.type] === undefined) return true;
  return (field.min === undefined || value >= field.min)
    && (field.max === undefined || value <= field.max)
    && (field.notBelow === undefined || value >= values[field.notBelow])
    && (field.above === undefined || value > values[field.above])
    && (field.sum === undefined || value + values[field.sum.with] <= field.sum.max);
}

function check(field, values) {
  if (isAllowed(field, values[field.name], values)) return;
  throw new WireError(ErrorClass.badValue, field.require?.field ?? field.name);
}

/** The length of the message that begins at an offset, or undefined if more bytes are needed to know. */
function readEnvelope(bytes, offset, limit) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length - offset < 4) return undefined;
  const length = view.getUint32(offset, true);
  if (length < 4) throw new WireError(ErrorClass.undersized);
  if (length + 4 > limit) throw new WireError(ErrorClass.oversized);
  if (bytes.length - offset < envelopeLength) return undefined;
  const name = byCode.get(view.getUint16(offset + 4, true));
  if (name === undefined) throw new WireError(ErrorClass.unknownType);
  const version = bytes[offset + 6];
  if (version === 0) throw new WireError(ErrorClass.badVersion);
  return { name, version, length: length + 4 };
}

/**
 * Decodes one whole message.
 *
 * @param {Uint8Array} bytes
 * @param {number} [limit] length of the longest message that is accepted
 * @returns {{message: string, version: number, fields: object}} Integers of 64 bits are BigInts, flags are
 *   booleans, and an absent field is null. The payload shares the memory of `bytes`.
 * @throws {WireError}
 */
export function decode(bytes, limit = limits.meshMessage) {
  const envelope = readEnvelope(bytes, 0, limit);
  if (envelope === undefined) throw new WireError(ErrorClass.truncated, "envelope");
  if (bytes.length < envelope.length) throw new WireError(ErrorClass.truncated, "body");
  if (bytes.length > envelope.length) throw new WireError(ErrorClass.trailingBytes);
  const message = messages[envelope.name];
  const reader = new Reader(bytes, envelopeLength, envelope.length, envelope.version);
  let payload;
  let described = message.fields;
  if (described.at(-1)?.type === "payload") {
    const headerLength = reader.integer("u16", "headerLength");
    if (headerLength < 2) throw new WireError(ErrorClass.badValue, "headerLength");
    if (envelopeLength + headerLength > envelope.length) throw new WireError(ErrorClass.truncated, "header");
    reader.end = envelopeLength + headerLength;
    payload = bytes.subarray(reader.end, envelope.length);
    described = described.slice(0, -1);
  }
  const fields = reader.object(described);
  if (envelope.version <= message.version && reader.offset < reader.end) {
    throw new WireError(ErrorClass.trailingBytes);
  }
  if (payload !== undefined) fields.payload = payload;
  return { message: envelope.name, version: envelope.version, fields };
}

class Writer {
  constructor() {
    this.bytes = new Uint8Array(256);
    this.view = new DataView(this.bytes.buffer);
    this.length = 0;
  }

  /** The offset of `count` more bytes, which are 0. */
  grow(count) {
    const offset = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return offset;
  }

  integer(type, value) {
    const offset = this.grow(widths[type]);
    switch (type) {
      case "u8": return this.view.setUint8(offset, value);
      case "u16": return this.view.setUint16(offset, value, true);
      case "u32": return this.view.setUint32(offset, value, true);
      case "u64": return this.view.setBigUint64(offset, value, true);
      default: return this.view.setBigInt64(offset, value, true);
    }
  }

  raw(bytes) {
    const offset = this.grow(bytes.length);
    this.bytes.set(bytes, offset);
  }

  /** A text that is too long is truncated at a character. */
  text(text, limit) {
    let bytes = new TextEncoder().encode(text);
    if (bytes.length > limit) {
      let end = limit;
      while ((bytes[end] & 0xc0) === 0x80) end -= 1;
      bytes = bytes.subarray(0, end);
    }
    this.integer("u16", bytes.length);
    this.raw(bytes);
  }

  name(text, field) {
    if (typeof text !== "string" || !isName(text)) throw new RangeError(`${field} is not a name`);
    this.text(text, limits.name);
  }

  object(fields, values) {
    for (const field of fields) {
      let value = values[field.name] ?? field.default;
      if (field.type === "zero") {
        this.grow(field.length);
        continue;
      }
      if (field.presenceOf) value = values[field.presenceOf] == null ? 0 : 1;
      else if (field.optional && value == null) continue;
      else if (value === undefined) throw new TypeError(`no ${field.name}`);
      if (field.by) value = read(value, field.by.readings[values[field.by.field]]);
      if (field.flag) value = Number(value);
      this.value(field, value, values);
    }
  }

  value(field, value, values) {
    switch (field.type) {
      case "text": return this.text(value, field.limit);
      case "name": return this.name(value, field.name);
      case "bytes":
        if (value.length !== field.length) throw new RangeError(`${field.name} is not ${field.length} bytes long`);
        return this.raw(value);
      case "struct":
        if (!isAllowed(field, value, values)) throw new RangeError(`${field.name} is not allowed here`);
        return this.object(structs[field.fields], value);
      case "message": return this.object(messages[field.message].fields, value);
      case "list": return this.list(field, value);
      case "payload": return this.raw(value);
      default:
        if (!fits(field.type, value) || !isAllowed(field, value, values)) {
          throw new RangeError(`${field.name} cannot be ${value}`);
        }
        return this.integer(field.type, value);
    }
  }

  list(field, list) {
    if (list.length > field.limit || list.length < (field.min ?? 0)) {
      throw new RangeError(`${field.name} cannot have ${list.length} entries`);
    }
    this.integer("u16", list.length);
    for (const entry of list) {
      if (field.element === "name") this.name(entry, field.name);
      else this.object(field.entry ?? structs[field.element], entry);
    }
  }
}

/**
 * Encodes a message in its newest version.
 *
 * @param {string} name the message, such as "WATCH"
 * @param {object} fields as `decode` returns them; fields with a default may be missing
 * @returns {Uint8Array}
 * @throws {RangeError | TypeError} for a value that the protocol does not allow, or that is missing
 */
export function encode(name, fields = {}) {
  const message = messages[name];
  if (message === undefined) throw new RangeError(`no message ${name}`);
  const writer = new Writer();
  writer.grow(envelopeLength);
  if (message.fields.at(-1)?.type === "payload") {
    const prefix = writer.grow(2);
    writer.object(message.fields.slice(0, -1), fields);
    writer.view.setUint16(prefix, writer.length - envelopeLength, true);
    writer.raw(fields.payload);
  } else {
    writer.object(message.fields, fields);
  }
  writer.view.setUint32(0, writer.length - 4, true);
  writer.view.setUint16(4, message.code, true);
  writer.view.setUint8(6, message.version);
  return writer.bytes.subarray(0, writer.length);
}

/** Cuts a stream of bytes into messages. After an error, the stream cannot be read any further. */
export class MessageStream {
  /** @param {number} limit length of the longest message that is accepted; it may change between messages */
  constructor(limit) {
    this.limit = limit;
    this.bytes = new Uint8Array(0);
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    const all = new Uint8Array(this.bytes.length + bytes.length);
    all.set(this.bytes);
    all.set(bytes, this.bytes.length);
    this.bytes = all;
  }

  /**
   * The next message as `decode` returns it, or undefined if more bytes are needed.
   *
   * @throws {WireError}
   */
  next() {
    const envelope = readEnvelope(this.bytes, 0, this.limit);
    if (envelope === undefined || this.bytes.length < envelope.length) return undefined;
    const message = decode(this.bytes.subarray(0, envelope.length), this.limit);
    this.bytes = this.bytes.subarray(envelope.length);
    return message;
  }
}

// The WebSocket to the gateway. Each binary message is one message of the viewer protocol; the cookie takes LOGIN's
// place, and WELCOME follows the upgrade. Names such as V-17 are rules of the protocol's documents.

import { ByeReason, WireError, decode, encode } from "./secam.mjs";

/** Back-off between attempts, milliseconds: doubling, each wait shortened at random by up to a half (V-17). */
const shortestWait = 250;
const longestWait = 10_000;
/** A connection that lasted this long resets the back-off. */
const stableTime = 5_000;
/** V-15 and V-16. */
const pingInterval = 5_000;
const answerTimeout = 15_000;
/** A gateway that has accepted the connection sends WELCOME within this time. */
const welcomeTimeout = 10_000;
/** The gateway's close code for a session that is over. */
const closedSession = 4401;
/** Round trips to remember: their minimum is that of the line without a queue. */
const remembered = 8;

export class Connection {
  /** connecting, connected, reconnecting, ended (the session is over) or failed. */
  state = "connecting";

  #isSignedIn;
  #onState;
  #onMessage;
  #socket;
  #wait = shortestWait;
  #attempt;
  #ticker;
  #opened = 0;
  #heard = 0;
  #ping;
  #pings = 0n;
  #roundTrips = [];
  #welcomeOffset = 0;
  #bye;

  /**
   * @param {() => Promise<boolean>} isSignedIn asked after an attempt that failed: a browser does not say why
   * @param {(state: string) => void} onState
   * @param {(name: string, fields: object) => void} onMessage
   */
  constructor(isSignedIn, onState, onMessage) {
    this.#isSignedIn = isSignedIn;
    this.#onState = onState;
    this.#onMessage = onMessage;
  }

  /** Round trip of the line without a queue, milliseconds. */
  get roundTrip() {
    return this.#roundTrips.length === 0 ? 0 : Math.min(...this.#roundTrips);
  }

  /** The gateway's clock minus this one, milliseconds. WELCOME was on its way for half a round trip. */
  get clockOffset() {
    return this.#welcomeOffset + this.roundTrip / 2;
  }

  /** The gateway's time, milliseconds. */
  now() {
    return performance.timeOrigin + performance.now() + this.clockOffset;
  }

  start() {
    this.#wait = shortestWait;
    this.#setState("connecting");
    this.#connect();
  }

  stop() {
    if (this.state === "connected") this.send("BYE", { reason: ByeReason.done, detail: "" });
    this.#abandon();
    this.#setState("ended");
  }

  /** Connects at once instead of after the back-off, or finds out whether the connection still works. */
  hurry() {
    if (this.state === "reconnecting" && this.#socket === undefined) {
      this.#wait = shortestWait;
      this.#connect();
    } else if (this.state === "connected") {
      this.#sendPing();
    }
  }

  /** Sends a message. Without a connection, it does nothing: the state of all watches is sent after WELCOME. */
  send(name, fields) {
    if (this.state !== "connected" || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(encode(name, fields));
  }

  #connect() {
    this.#abandon();
    this.#bye = undefined;
    const url = new URL("/ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, "secam.1");
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#closed(code);
    this.#socket = socket;
    this.#opened = performance.now();
    this.#ticker = setInterval(() => this.#tick(), 1000);
  }

  #receive(data) {
    this.#heard = performance.now();
    try {
      if (!(data instanceof ArrayBuffer)) throw new WireError("text");
      const { message, fields } = decode(new Uint8Array(data));
      this.#handle(message, fields);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      // The gateway may have another version than this page, which a reload mends (V-18).
      console.error("malformed message from the gateway:", error);
      this.send("BYE", { reason: ByeReason.malformed, detail: error.message });
      this.#abandon();
      this.#setState("failed");
    }
  }

  #handle(message, fields) {
    switch (message) {
      case "PING": return this.send("PONG", { token: fields.token });
      case "PONG": return this.#receivePong(fields.token);
      case "BYE":
        this.#bye = fields.reason;
        return;
      case "WELCOME":
        this.#roundTrips = [];
        this.#welcomeOffset = Number(fields.time) / 1000 - performance.timeOrigin - performance.now();
        this.state = "connected";
        // First, since answers wait behind the events that follow (G-63).
        this.#sendPing();
        return this.#onState("connected");
      default: this.#onMessage(message, fields);
    }
  }

  #sendPing() {
    this.#ping = { token: ++this.#pings, sent: performance.now() };
    this.send("PING", { token: this.#ping.token });
  }

  #receivePong(token) {
    if (token !== this.#ping?.token) return;
    this.#roundTrips = [...this.#roundTrips, performance.now() - this.#ping.sent].slice(-remembered);
    this.#ping = { ...this.#ping, isAnswered: true };
  }

  /** Runs once a second, and less often in a hidden tab: only a PING that was sent can show that the line is dead. */
  #tick() {
    const now = performance.now();
    if (this.state !== "connected") {
      if (now - this.#opened > welcomeTimeout) this.#closed();
      return;
    }
    const waited = now - this.#ping.sent;
    if (this.#ping.isAnswered) {
      if (waited > pingInterval) this.#sendPing();
    } else if (waited > answerTimeout - pingInterval && now - this.#heard > answerTimeout) {
      this.#closed();
    }
  }

  async #closed(code) {
    const wasWelcome = this.state === "connected";
    if (wasWelcome && performance.now() - this.#opened > stableTime) this.#wait = shortestWait;
    this.#abandon();
    if (this.#bye === ByeReason.malformed) return this.#setState("failed");
    if (code === closedSession || this.#bye === ByeReason.revoked) return this.#setState("ended");
    this.#setState("reconnecting");
    const wait = this.#wait * (1 - Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, longestWait);
    const isSignedIn = wasWelcome || await this.#isSignedIn();
    // In the meantime, the connection may have been stopped or hurried.
    if (this.state !== "reconnecting" || this.#socket !== undefined) return;
    if (!isSignedIn) return this.#setState("ended");
    this.#attempt = setTimeout(() => this.#connect(), wait);
  }

  /** Forgets the socket without waiting for its end. */
  #abandon() {
    clearTimeout(this.#attempt);
    clearInterval(this.#ticker);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.#onState(state);
  }
}

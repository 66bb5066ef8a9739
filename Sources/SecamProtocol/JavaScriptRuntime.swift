extension JavaScriptWriter {
    /// What reads and writes bytes by the tables.
    static let runtime = #"""

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

        """#
}

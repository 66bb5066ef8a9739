/// Writes the Wireshark dissector: tables of all messages, and the code that shows bytes according to them.
struct LuaWriter {
    let schema: Schema

    func dissector() throws -> String {
        var lines = [
            "-- Shows secam/1 in Wireshark and tshark. Generated from schema.json by `swift run secam-protocol`: do not edit.",
            "--",
            "-- Shows the connections of viewers, decrypted with the keys that secam-view writes to SSLKEYLOGFILE:",
            "--   tshark -X lua_script:secam.lua -o tls.keylog_file:KEYS -r CAPTURE -Y secam -V",
            "-- Messages without TLS, such as test vectors, are shown with -d tcp.port==PORT,secam.", "",
            "local enumerations = {",
        ]
        for enumeration in schema.enumerations {
            let values = enumeration.values.map { "[\($0.value)] = \"\($0.name)\"" }
            lines += ["  \(enumeration.name) = {"] + wrapped(values, "    ") + ["  },"]
        }
        lines += ["}", "", "local sets = {"]
        for set in schema.sets {
            let bits = set.bits.map { "[\(1 << $0.bit)] = \"\($0.name)\"" }.joined(separator: ", ")
            lines.append("  \(set.name) = { \(bits) },")
        }
        lines += ["}", "", "local structs = {"]
        for group in schema.structs { lines += ["  \(group.name) = {"] + (try fields(group.fields, "    ")) + ["  },"] }
        lines += ["}", "", "local messages = {"]
        for message in schema.messages {
            lines.append("  [\(message.code)] = { name = \"\(message.name)\", version = \(message.version), fields = {")
            lines += try fields(message.fields, "    ") + ["  } },"]
        }
        lines += ["}", ""]
        return lines.joined(separator: "\n") + LuaWriter.runtime
    }

    private func wrapped(_ items: [String], _ indent: String) -> [String] {
        var lines: [String] = []
        var line = indent
        for item in items {
            if line != indent, line.count + item.count + 2 > 118 {
                lines.append(line)
                line = indent
            }
            line += (line == indent ? "" : " ") + item + ","
        }
        return lines + [line]
    }

    private func fields(_ fields: [Field], _ indent: String) throws -> [String] {
        var lines: [String] = []
        for field in fields {
            let keys = try keys(field)
            if let entry = field.entry {
                lines.append("\(indent){ \(keys), entry = \"\(entry.name)\", fields = {")
                lines += try self.fields(entry.fields, indent + "  ") + ["\(indent)} },"]
            } else {
                lines.append("\(indent){ \(keys) },")
            }
        }
        return lines
    }

    private func keys(_ field: Field) throws -> String {
        let integer = try schema.integer(field)
        var keys = ["name = \"\(field.name)\"", "type = \"\(integer ?? field.type.rawValue)\""]
        switch field.type {
        case .figures: keys = ["name = \"\(field.name)\"", "type = \"list\", element = \"figure\""]
        case .time, .timeBound: keys.append("time = true")
        case .enum: keys.append("values = \"\(field.of ?? "")\"")
        case .set: keys.append("set = \"\(field.of ?? "")\"")
        case .struct: keys.append("struct = \"\(field.of ?? "")\"")
        case .message: keys.append("message = \(try schema.message(field.of).code)")
        default: break
        }
        if let length = field.length { keys.append("length = \(try schema.value(length))") }
        if let element = field.element { keys.append("element = \"\(element.of ?? element.type)\"") }
        if let name = field.presenceOf { keys.append("presenceOf = \"\(name)\"") }
        if field.if != nil { keys.append("optional = true") }
        if let since = field.since { keys.append("since = \(since)") }
        if field.was != nil { keys.append("wasReserved = true") }
        if field.secret != nil { keys.append("secret = true") }
        return keys.joined(separator: ", ")
    }
}

extension LuaWriter {
    static let runtime = #"""

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

        """#
}

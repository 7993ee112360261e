-- Wireshark and tshark dissectors for the two headers of a Lodestone rack that nobody else has:
--   sidecar  (EtherType 0x0901)       between a switch and its CPU port: why a packet was punted, and whither
--   ddm      (IPv6 next header 221)   delay-driven multipath telemetry
-- Use: tshark -X lua_script:docs/wireshark/lodestone.lua -r FILE.pcapng

local sidecar = Proto("lodestone.sidecar", "Lodestone sidecar header")

local codes = {
  [0] = "forward from user",
  [1] = "forward to user",
  [2] = "ICMP needed",
  [3] = "ARP needed",
  [4] = "neighbour needed",
  [5] = "route from user",
}

local s = sidecar.fields
s.code = ProtoField.uint8("lodestone.sidecar.code", "Code", base.DEC, codes)
s.pad = ProtoField.uint8("lodestone.sidecar.pad", "Padding", base.HEX)
s.ingress = ProtoField.uint16("lodestone.sidecar.ingress", "Ingress port", base.DEC)
s.egress = ProtoField.uint16("lodestone.sidecar.egress", "Egress port", base.DEC)
s.ethertype = ProtoField.uint16("lodestone.sidecar.ethertype", "EtherType", base.HEX)
s.payload = ProtoField.bytes("lodestone.sidecar.payload", "Payload")
s.icmp_type = ProtoField.uint8("lodestone.sidecar.icmp_type", "ICMP type needed", base.DEC)
s.icmp_code = ProtoField.uint8("lodestone.sidecar.icmp_code", "ICMP code needed", base.DEC)
s.next_hop4 = ProtoField.ipv4("lodestone.sidecar.next_hop4", "Next hop")
s.next_hop6 = ProtoField.ipv6("lodestone.sidecar.next_hop6", "Next hop")

local ethertypes = DissectorTable.get("ethertype")

function sidecar.dissector(buffer, pinfo, tree)
  if buffer:len() < 24 then
    return 0
  end
  pinfo.cols.protocol = "SIDECAR"
  local code = buffer(0, 1):uint()
  local node = tree:add(sidecar, buffer(0, 24), "Lodestone sidecar header, " .. (codes[code] or "unknown code"))
  node:add(s.code, buffer(0, 1))
  node:add(s.pad, buffer(1, 1))
  node:add(s.ingress, buffer(2, 2))
  node:add(s.egress, buffer(4, 2))
  node:add(s.ethertype, buffer(6, 2))
  local payload = node:add(s.payload, buffer(8, 16))
  if code == 2 then
    payload:add(s.icmp_type, buffer(22, 1))
    payload:add(s.icmp_code, buffer(23, 1))
  elseif code == 3 then
    payload:add(s.next_hop4, buffer(20, 4))
  elseif code == 4 then
    payload:add(s.next_hop6, buffer(8, 16))
  end
  ethertypes:try(buffer(6, 2):uint(), buffer(24):tvb(), pinfo, tree)
  return buffer:len()
end

ethertypes:add(0x0901, sidecar)

local ddm = Proto("lodestone.ddm", "Delay-driven multipath")

local d = ddm.fields
d.next_header = ProtoField.uint8("lodestone.ddm.next_header", "Next header", base.DEC)
d.length = ProtoField.uint8("lodestone.ddm.length", "Bytes after the first", base.DEC)
d.version = ProtoField.uint8("lodestone.ddm.version", "Version", base.DEC)
d.ack = ProtoField.bool("lodestone.ddm.ack", "Acknowledgement", 8, nil, 0x80)
d.id = ProtoField.uint8("lodestone.ddm.id", "Node", base.DEC)
d.timestamp = ProtoField.uint24("lodestone.ddm.timestamp", "Timestamp (µs mod 2^24)", base.DEC)

local protocols = DissectorTable.get("ip.proto")

function ddm.dissector(buffer, pinfo, tree)
  if buffer:len() < 4 then
    return 0
  end
  local length = 1 + buffer(1, 1):uint()
  if length < 4 or length > buffer:len() or length % 4 ~= 0 then
    return 0
  end
  pinfo.cols.protocol = "DDM"
  local node = tree:add(ddm, buffer(0, length), "Delay-driven multipath, " .. ((length - 4) / 4) .. " element(s)")
  node:add(d.next_header, buffer(0, 1))
  node:add(d.length, buffer(1, 1))
  node:add(d.version, buffer(2, 1))
  node:add(d.ack, buffer(3, 1))
  for at = 4, length - 4, 4 do
    local element = node:add(ddm, buffer(at, 4), "Element " .. (at / 4 - 1))
    element:add(d.id, buffer(at, 1))
    element:add(d.timestamp, buffer(at + 1, 3))
  end
  if length < buffer:len() then
    protocols:try(buffer(0, 1):uint(), buffer(length):tvb(), pinfo, tree)
  end
  return buffer:len()
end

protocols:add(221, ddm)

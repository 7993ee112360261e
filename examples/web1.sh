#!/bin/sh
# A project `shop` with an instance `web1` that answers HTTP on a floating address, on a rack that `lode up` runs. Everything
# goes through the public API; `lode api` only adds the address of the API and a token.
#
#   npx lode up --publish 8080=198.51.100.10:80     (in another terminal)
#   sh examples/web1.sh && curl http://127.0.0.1:8080
#
# Usage: web1.sh [ADDRESS [PROJECT]]
set -eu
address=${1:-198.51.100.10}
project=${2:-shop}

api() { ${LODE:-npx lode} api "$@" >/dev/null; }

# Rules are replaced as a whole: these are the ones that a VPC begins with, and one that lets the internet in on port 80.
rule() { # NAME PRIORITY FILTERS
  printf '{"name":"%s","description":"","status":"enabled","direction":"inbound","action":"allow","priority":%s,' "$1" "$2"
  printf '"targets":[{"type":"vpc","value":"default"}],"filters":%s}' "$3"
}
inside=$(rule allow-internal-inbound 65534 '{"hosts":[{"type":"vpc","value":"default"}]}')
ssh=$(rule allow-ssh 65534 '{"protocols":[{"type":"tcp"}],"ports":["22"]}')
icmp=$(rule allow-icmp 65534 '{"protocols":[{"type":"icmp","value":null}]}')
http=$(rule allow-http 100 '{"protocols":[{"type":"tcp"}],"ports":["80"]}')

api POST /v1/projects --body "{\"name\":\"$project\",\"description\":\"\"}"
api PUT "/v1/vpc-firewall-rules?project=$project&vpc=default" --body "{\"rules\":[$inside,$ssh,$icmp,$http]}"
api POST "/v1/floating-ips?project=$project" --body '{
  "name": "web", "description": "", "address_allocator": { "type": "explicit", "ip": "'"$address"'" } }'
api POST "/v1/instances?project=$project" --body '{
  "name": "web1", "description": "", "hostname": "web1", "ncpus": 1, "memory": 1073741824,
  "external_ips": [{ "type": "floating", "floating_ip": "web" }] }'
echo "web1 of project $project answers on $address"

# Functions for the scripts of an instance; read by them with `.`, in Bash. The tests set INSTANCE_METADATA_URL.

# An entry of the instance's metadata, by version 2 of its service.
metadata() {
    local base=${INSTANCE_METADATA_URL:-http://169.254.169.254} token
    token=$(curl -fsS --max-time 5 --retry 3 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$base/latest/api/token") || return
    curl -fsS --max-time 5 --retry 3 -H "X-aws-ec2-metadata-token: $token" "$base/latest/meta-data/$1"
}

# fetch URL SHA256 FILE: from S3 with the instance's own credentials, or by HTTPS. What has another checksum is not kept.
fetch() {
    local url=$1 sha256=$2 file=$3 attempt
    for attempt in 1 2 3 4 5; do
        case $url in
            s3://*) aws s3 cp --only-show-errors "$url" "$file" && break ;;
            https://*) curl -fsSL --proto '=https' --retry 3 -o "$file" "$url" && break ;;
            *) echo "fetch: $url is neither s3:// nor https://" >&2; return 2 ;;
        esac
        # A new instance may be faster than the permissions of its role.
        sleep $((attempt * ${FETCH_PAUSE_SECONDS:-5}))
    done
    echo "$sha256  $file" | sha256sum --check --quiet || { rm -f "$file"; return 1; }
}

# Installs a package of Amazon Linux from its URL.
fetch_package() {
    local file
    file=$(mktemp --suffix=.rpm)
    fetch "$1" "$2" "$file"
    rpm --upgrade --replacepkgs "$file"
    rm -f "$file"
}

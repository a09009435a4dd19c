# A loop as people write it: curl -X PUT of each document, with the revision that is there.
curl -s -o /dev/null -X PUT "$1"
for file in "$2"/*.json; do
    id=$(basename "$file" .json)
    rev=$(curl -s -I "$1/$id" | tr -d '\r"' | awk -F': ' 'tolower($1) == "etag" {print $2}')
    curl -s -o /dev/null -X PUT -H 'Content-Type: application/json' -d "@$file" "$1/$id${rev:+?rev=$rev}"
done

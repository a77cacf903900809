#!/usr/bin/env bash
# The conversation of examples/clients/python by `buf curl`: no stubs, no protos, the desk tells by reflection what it offers.
#
#   conversation.sh ask    TO JOB     sends a note, waits for the answer, fetches its annex and the evidence
#   conversation.sh answer TO ANNEX   waits for such a note that is not answered yet, and answers it with a PDF
#   conversation.sh draft  TO JOB     drafts and cancels: all that one client alone may do
#
# The environment says where the desk is and who calls:
#   DESK=127.0.0.1:7110  or  DESK=unix:/run/chancery/desk.sock  (then the desk knows us by our user, and there is no TLS)
#   SERVER_NAME=main.desk.mfa.xa.example
#   CLIENTS=folder with casework/, legal/ and head/, each as `chancery desk enrol` wrote it
#   STATE=folder for the cursor and what is fetched      BUF=buf   PATIENCE_S=300
#
# Needs buf, jq, openssl and coreutils.
set -euo pipefail
shopt -s inherit_errexit

: "${DESK:?}" "${STATE:?}" "${BUF:=buf}" "${PATIENCE_S:=300}"
readonly SERVICE=chancery.desk.v1.DeskService
# What this conversation is about: by it a note that asks and the system that answers find each other.
readonly SUBJECT='Prisoners of war: how wishes are recorded'
mkdir -p "$STATE"

# What buf is told about the connection of one client.
line_of() {
  case $DESK in
    unix:*) line=(--unix-socket "${DESK#unix:}") url=http://desk ;;
    *)
      local own=${CLIENTS:?}/$1
      line=(--cacert "$own/root.pem" --cert "$own/client.pem" --key "$own/client.key" --servername "${SERVER_NAME:?}")
      url=https://$DESK
      ;;
  esac
}

# stream CLIENT METHOD [SECONDS]: requests from stdin, answers to stdout, each a JSON object.
stream() {
  local line url
  line_of "$1"
  "$BUF" curl --protocol grpc "${line[@]}" --timeout "${3:-60}s" --data @- "$url/$SERVICE/$2"
}

# call CLIENT METHOD REQUEST: the same for one request, sent again while the desk or the line is away. That is safe for
# every call: what changes something bears a requestId, and is done once.
call() {
  local code attempt
  for attempt in 1 2 4 8 16 0; do
    code=0
    stream "$1" "$2" <<<"$3" 2>"$STATE/error" || code=$?
    # buf ends with the gRPC code times eight: 14 is UNAVAILABLE, and NOT_YET_PROVEN is one of its reasons. With 1 it ends
    # where nobody answers its reflection.
    case $code in $((14 * 8)) | 1) ;; *) break ;; esac
    [ "$attempt" != 0 ] || break
    sleep "$attempt"
  done
  [ "$code" = 0 ] || { echo "$2: $(refusal)" >&2; return "$code"; }
}

# What was refused, in words: buf shows details as it got them, and their texts can be read all the same.
refusal() {
  jq -r '.code, .message, (.details[]? | .value | @base64d | gsub("[^ -~]+"; " "))' "$STATE/error" 2>/dev/null || cat "$STATE/error"
}

digest() { openssl dgst -sha256 -binary "$1" | base64; }

# note TO SUBJECT WORDS: a note verbale with one official text.
note() {
  jq -n --arg to "$1" --arg subject "$2" --arg words "$3" '{
    to: [$to], precedence: "PRECEDENCE_ROUTINE", level: "LEVEL_RESTRICTED", form: "FORM_NOTE_VERBALE",
    texts: [{documentId: "en", language: "en", standing: "DOCUMENT_STANDING_OFFICIAL", title: "Note verbale",
      words: ("The Ministry presents its compliments to the Ministry and " + $words + "\n"
        + "The Ministry avails itself of this opportunity to renew the assurances of its highest consideration.\n")}],
    act: {correspondence: {subject: $subject}}}'
}

# send JOB CONTENT: drafted by one, cleared by another, released by a third; prints the registered message.
send() {
  local draft
  call casework ValidateDraft "$(jq -n --argjson content "$2" '{$content, clearBy: ["legal-01"]}')" |
    jq -r '.findings[]? | "\(.rule) \(.field): \(.message)"' >&2
  draft=$(call casework CreateDraft "$(jq -n --arg job "$1" --argjson content "$2" \
    '{requestId: ($job + "-create"), $content, clearBy: ["legal-01"]}')" | jq -r .name)
  echo "drafted $draft" >&2
  call legal ClearDraft "$(request "$1-clear" "$draft")" | jq -r '.steps[] | select(.signed) | "signed by \(.office)"' >&2
  call head ReleaseDraft "$(request "$1-release" "$draft")" | jq -c '.messages[0]'
}

request() { jq -n --arg id "$1" --arg name "$2" '{requestId: $id, $name}'; }

# Keeps a cursor of now, where there is none yet: nothing that happens from here on is missed.
begin_watch() {
  [ -s "$STATE/cursor" ] && return
  watching '{"fromNow": true}' keep_first
}
keep_first() { keep "$1"; }
keep() { printf '%s' "$1" >"$STATE/cursor.new" && mv "$STATE/cursor.new" "$STATE/cursor"; }

# watching REQUEST TAKER: hands cursor, kind and subject of each event to TAKER, until it returns 0. Prints what it prints.
watching() {
  local pipe=$STATE/events.$$ watcher cursor kind subject found=1
  rm -f "$pipe" && mkfifo "$pipe"
  # A group of its own, so that buf ends with whoever started it.
  set -m
  stream casework WatchEvents "$PATIENCE_S" <<<"$1" >"$pipe" 2>"$STATE/error" &
  watcher=$!
  set +m
  exec 3< <(jq --unbuffered -r '[.cursor, .kind, .subject // "-"] | @tsv' <"$pipe")
  while read -r cursor kind subject <&3; do
    if "$2" "$cursor" "$kind" "$subject"; then found=0; break; fi
    keep "$cursor"
  done
  kill -- "-$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  exec 3<&-
  rm -f "$pipe"
  [ "$found" = 0 ] || { echo "nothing came within $PATIENCE_S s: $(refusal)" >&2; return 1; }
}

# wait_for OUTSIDE INSIDE: prints the first received message that both jq filters take, of those that are here, then of
# those that come. OUTSIDE sees what the register says; only then is the message opened, which marks it as read.
wait_for() {
  local token='' page name
  outside=$1 inside=$2
  begin_watch
  while :; do
    page=$(call casework ListMessages "$(jq -n --arg token "$token" '{direction: "DIRECTION_RECEIVED", pageToken: $token}')")
    for name in $(jq -r ".messages[]? | select($outside) | .name" <<<"$page"); do
      if fits "$name"; then return; fi
    done
    token=$(jq -r '.nextPageToken // empty' <<<"$page")
    [ -n "$token" ] || break
  done
  watching "$(jq -n --rawfile cursor "$STATE/cursor" '{$cursor}')" arrival
}

arrival() { [ "$2" = EVENT_KIND_MESSAGE_RECEIVED ] && fits "$3"; }

fits() {
  local message
  message=$(call casework GetMessage "$(jq -n --arg name "$1" '{$name, readMask: "name,sender,consultation"}')")
  jq -e "select($outside)" <<<"$message" >/dev/null || return 1
  if [ -n "${unanswered:-}" ] && has_sent "$(jq -r .consultation <<<"$message")"; then return 1; fi
  message=$(call casework GetMessage "$(jq -n --arg name "$1" '{$name}')")
  jq -ce "select($inside)" <<<"$message"
}

has_sent() {
  call casework ListMessages "$(jq -n --arg consultation "$1" '{direction: "DIRECTION_SENT", $consultation}')" |
    jq -e '.messages' >/dev/null
}

# download MESSAGE DOCUMENT TARGET [PIECES]: goes on where an earlier attempt ended; PIECES ends it early, as a cut does.
download() {
  local offset piece
  offset=$(stat -c %s "$3.part" 2>/dev/null || echo 0)
  jq -n --arg message "$1" --arg documentId "$2" --arg offset "$offset" '{$message, $documentId, $offset}' |
    stream casework DownloadDocument 600 | jq -r '.content // empty' | head -n "${4:--0}" |
    while read -r piece; do base64 -d <<<"$piece"; done >>"$3.part" || [ -n "${4:-}" ]
}

ask() {
  local sent answer id title target evidence
  begin_watch
  sent=$(send "$2" "$(note "$1" "$SUBJECT" 'asks by which procedure wishes of prisoners are recorded.')")
  echo "released $(jq -r .registerNumber <<<"$sent")"
  answer=$(wait_for ".consultation == $(jq .consultation <<<"$sent")" ".content.inReplyTo == $(jq .name <<<"$sent")")
  echo "answered by $(jq -r '.registerNumber + ": " + .content.act.correspondence.subject' <<<"$answer")"
  while IFS=$'\t' read -r id title; do
    target=$STATE/$2-$id
    download "$(jq -r .name <<<"$answer")" "$id" "$target" 1
    echo "$title: cut at byte $(stat -c %s "$target.part")"
    download "$(jq -r .name <<<"$answer")" "$id" "$target"
    [ "$(digest "$target.part")" = "$(jq -r --arg id "$id" '.content.documents[] | select(.documentId == $id) | .digest' <<<"$answer")" ] ||
      { rm "$target.part"; echo "$title is another document than its sender signed" >&2; return 1; }
    mv "$target.part" "$target"
    echo "$title: $(stat -c %s "$target") bytes, as signed"
  done < <(jq -r '.content.documents[] | select(.words | not) | [.documentId, .title] | @tsv' <<<"$answer")
  evidence=$STATE/$2-evidence.zip
  for _ in $(seq 30); do
    call head ExportEvidence "$(jq -n --argjson sent "$sent" '{name: $sent.consultation, disclose: true}')" >"$STATE/pieces"
    # What is not proven by both sides yet is left out, and said so in the first piece.
    [ "$(jq -s '.[0].leftOut // 0' "$STATE/pieces")" != 0 ] || break
    sleep 2
  done
  jq -r '.content // empty' "$STATE/pieces" | while read -r piece; do base64 -d <<<"$piece"; done >"$evidence"
  rm "$STATE/pieces"
  echo "evidence: $evidence"
}

answer() {
  local question size upload content unanswered=yes
  question=$(wait_for ".sender == \"$1\"" ".content.act.correspondence.subject == \"$SUBJECT\" and (.content.inReplyTo // \"\") == \"\"")
  echo "asked by $(jq -r .registerNumber <<<"$question")"
  size=$(stat -c %s "$2")
  upload=$(call casework GetUpload "$(jq -n --arg digest "$(digest "$2")" '{$digest}')")
  if [ "$(jq -r .complete <<<"$upload")" != true ]; then
    {
      jq -n --arg digest "$(digest "$2")" --arg size "$size" --argjson upload "$upload" '{$digest, $size, offset: ($upload.held // "0")}'
      # Three bytes are four letters: a piece of 192 KiB is one line.
      tail -c "+$(($(jq -r '.held // 0' <<<"$upload") + 1))" "$2" | base64 -w 262144 | jq -R '{content: .}'
    } | stream casework UploadDocument 600 | jq -e .complete >/dev/null
  fi
  content=$(note "$1" "$SUBJECT" 'encloses the procedure by which wishes are recorded.' |
    jq --argjson question "$question" --arg digest "$(digest "$2")" '. + {
      consultation: $question.consultation, inReplyTo: $question.name,
      documents: [{documentId: "annex", uploadDigest: $digest, title: "Annex: procedure",
        documentClass: "DOCUMENT_CLASS_LEGAL_BASIS", language: "en", mediaType: "application/pdf"}]}')
  echo "released $(send "answer-$(jq -r '.name[9:41]' <<<"$question")" "$content" | jq -r .registerNumber)"
}

draft() {
  local content name
  content=$(note "$1" "$SUBJECT" 'asks by which procedure wishes of prisoners are recorded.')
  name=$(call casework CreateDraft "$(jq -n --arg id "$2-create" --argjson content "$content" '{requestId: $id, $content}')" | jq -r .name)
  echo "drafted $name"
  call casework CancelDraft "$(request "$2-cancel" "$name")" | jq -r '"\(.formalNumber): \(.state)"'
}

case ${1:-} in
  ask | answer | draft) "$@" ;;
  *) sed -n '2,/^set /p' "$0" | sed '$d; s/^# \{0,1\}//' >&2; exit 64 ;;
esac

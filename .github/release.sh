#!/usr/bin/env bash
# Makes a release: the version, CHANGELOG.md and uv.lock in a commit, pushed with its tag.
# Usage: .github/release.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."
stop() { echo "error: $*" >&2; exit 1; }

version=${1-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || stop "name the version: .github/release.sh 0.1.0"
[ "$(git branch --show-current)" = main ] || stop "this is not the branch main; run 'git switch main'"
[ -z "$(git status --porcelain)" ] || stop "there are changes which no commit has; commit or remove them"
git fetch --quiet --tags origin main
[ "$(git rev-parse HEAD)" = "$(git rev-parse FETCH_HEAD)" ] ||
  stop "main is not origin's; run 'git pull --rebase' and 'git push', and wait for CI"
newest=$(git tag --list 'v[0-9]*' --sort=-version:refname | head -n 1)
[ "$(printf '%s\n' "${newest:-v0}" "v$version" | sort -V | tail -n 1)" != "${newest:-v0}" ] ||
  stop "$version is not newer than $newest; name a newer version"
notes=$(awk '/^## / { on = $0 == "## Unreleased"; next } on' CHANGELOG.md)
for heading in "What an update changes" "What you do by hand"; do
  awk -v heading="### $heading" '/^### / { on = $0 == heading; next } on && NF { found = 1 }
    END { exit !found }' <<< "$notes" ||
    stop "CHANGELOG.md has no text at '## Unreleased', '### $heading'; write it, 'Nothing.' if so"
done

head=$(git rev-parse HEAD)
undo() {
  git tag --delete "v$version" &> /dev/null || true
  git reset --quiet --hard "$head"
  stop "nothing is released and nothing changed; the reason is above"
}
trap undo ERR
uv version --quiet --no-sync "$version" # writes uv.lock, too
changelog=$(awk -v line="## $version - $(date +%F)" '$0 == "## Unreleased" { $0 = line } 1' CHANGELOG.md)
printf '%s\n' "$changelog" > CHANGELOG.md
git commit --quiet --message "$version" pyproject.toml uv.lock CHANGELOG.md
git tag "v$version"
git push --quiet --atomic origin main "v$version"
echo "pushed v$version; GitHub's workflows do the rest"

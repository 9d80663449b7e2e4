#!/usr/bin/env bash
# Pushes renders of HEAD to branches gallery/*, so that people can read what they would get. A release
# is a commit there: what differs between two of them is what an update changes in a project.
# Usage: .github/gallery.sh [REMOTE]
set -euo pipefail
cd "$(dirname "$0")/.."
remote=${1:-origin}
commit=$(git rev-parse HEAD)
version=$(git describe --tags --always) # as Copier names it
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
pushed=()

# The same commit gives the same branches.
GIT_AUTHOR_DATE=$(git log -1 --format=%cI)
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
export GIT_AUTHOR_NAME="github-actions[bot]" GIT_COMMITTER_NAME="github-actions[bot]"
export GIT_AUTHOR_EMAIL=41898282+github-actions[bot]@users.noreply.github.com
export GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL

show() { # NAME OPTION...: what a user gets from `copier copy` with these options
  local name=$1 ref=refs/heads/gallery/$1 project=$temporary/$1/my-project old tree new
  shift
  # Git takes this checkout for the address, which the answers name as those of users do.
  env COPIER_CACHE_DIR="$temporary/cache" GIT_CONFIG_COUNT=1 \
    GIT_CONFIG_KEY_0="url.file://$PWD.insteadOf" \
    GIT_CONFIG_VALUE_0=https://github.com/org/pyo3-uv-template.git \
    uv run --locked copier copy --quiet --defaults --vcs-ref "$commit" "$@" \
    gh:org/pyo3-uv-template "$project"
  # Else GitHub's token is "refusing to allow a GitHub App to create or update workflow".
  mv "$project/.github/workflows" "$project/.github/workflows-not-run-here"

  tree=$(
    export GIT_INDEX_FILE=$temporary/$name/index GIT_WORK_TREE=$project
    GIT_DIR=$(git rev-parse --absolute-git-dir) git add --all --force "$project" && git write-tree
  )
  old=$(git ls-remote "$remote" "$ref" | cut -f1)
  if [ "$old" ]; then
    git fetch --quiet --no-tags "$remote" "$ref"
    [ "$tree" != "$(git rev-parse "$old^{tree}")" ] || return 0
  fi
  new=$(git commit-tree ${old:+-p "$old"} -m "$version" \
    -m "A render for reading; its workflows are in .github/workflows-not-run-here." "$tree")
  pushed+=("$new:$ref")
}

show extension
show workspace --data layout=workspace
show app --data kind=app
show minimal --data example=false
[ ${#pushed[@]} -eq 0 ] || git push --quiet --atomic "$remote" "${pushed[@]}"
echo "gallery: $version, ${#pushed[@]} branches pushed"

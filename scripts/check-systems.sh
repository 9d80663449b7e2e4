#!/bin/bash
# Compiles what the template renders for macOS, on a Debian machine, and lints it for macOS and Windows:
# `cargo clippy` of twelve renders (kind, layout, example, windows), in a chroot with Debian's own Rust, whose
# standard library is built from source. scripts/check-windows.sh builds and runs for Windows.
#
#     sudo scripts/check-systems.sh [FOLDER]
#
# Needs root, debootstrap and uv, and 4 GB in FOLDER (/var/tmp/check-systems), which is kept: a second
# run takes minutes. The mirror is the one of the machine's apt. Nothing is started, so it says nothing
# about paths, loaders and signals on those systems.
set -euo pipefail

folder=$(realpath --canonicalize-missing "${1:-/var/tmp/check-systems}")
repository=$(realpath "$(dirname "$0")/..")
root=$folder/sid
targets=(x86_64-pc-windows-gnu aarch64-apple-darwin)
packages=(ca-certificates cargo rust-clippy rust-src rustc gcc libc6-dev gcc-mingw-w64-x86-64)

# ---- A Debian with cross compilers ----

mkdir --parents "$folder"
if [ ! -e "$folder/ready" ]; then
    rm --recursive --force "$root"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | sort --unique | head --lines 1)
    debootstrap --variant=minbase sid "$root" "$mirror"
    cp --dereference /etc/resolv.conf /etc/hosts "$root/etc"
    # A machine that may be behind its mirror, or ahead of it, says so in its own configuration.
    apt-config dump | grep '^Acquire::Check-' > "$root/etc/apt/apt.conf.d/10host" || true
    chroot "$root" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -qq --no-install-recommends "${packages[@]}"
    touch "$folder/ready"
fi

# ---- The renders ----

renders=$root/renders
rm --recursive --force "$renders"
for answer in kind=extension layout=workspace kind=app; do
    for example in true false; do
        for windows in true false; do
            abi=; [[ $answer == kind=app || $windows == false ]] || abi="--data abi=version"
            uv run --quiet --directory "$repository" python -W ignore -m copier copy --quiet --defaults --vcs-ref HEAD \
                --data $answer --data example=$example --data windows=$windows $abi \
                . "$renders/${answer#*=}-$example-$windows"
        done
    done
done

# ---- Inside it ----

# What this machine trusts, for cargo's downloads
cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mountpoint --quiet "$root/proc" || mount --types proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT

cat > "$root/check.sh" <<'INSIDE'
export RUSTC_BOOTSTRAP=1 PYO3_CROSS_PYTHON_VERSION=3.14 CARGO_TARGET_DIR=/target
export CARGO_HOME=/cargo CARGO_TERM_COLOR=never
failed=0
for project in /renders/*; do
    cd "$project"
    for target in "$@"; do
        # It does what `cargo check` does, and more.
        if log=$(cargo clippy --all-targets --quiet --target "$target" -Z build-std 2>&1 --config \
            'build.rustflags = ["-D", "warnings"]'); then
            echo "ok      ${project##*/} $target"
        else
            failed=1
            echo "FAILED  ${project##*/} $target"
            echo "$log"
        fi
    done
done
exit $failed
INSIDE
chroot "$root" bash /check.sh "${targets[@]}"

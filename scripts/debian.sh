# Sourced by scripts that need a Debian of their own, as root.

debian() { # folder, suite, packages: makes it in "root", once, from the mirror of this machine's apt
    local folder=$1 root=$1/root suite=$2 mirror
    shift 2
    mkdir --parents "$folder"
    if [ ! -e "$folder/debian" ]; then
        rm --recursive --force --one-file-system "$root" # /dev may be mounted in it
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | sort --unique | head --lines 1)
        debootstrap --variant=minbase "$suite" "$root" "$mirror"
        cp --dereference /etc/resolv.conf /etc/hosts "$root/etc"
        # A machine that may be behind its mirror, or ahead of it, says so in its own configuration.
        apt-config dump | grep '^Acquire::Check-' > "$root/etc/apt/apt.conf.d/10host" || true
    fi
    mountpoint --quiet "$root/proc" || mount --types proc proc "$root/proc"
    mountpoint --quiet "$root/dev" || { mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"; }
    trap "umount --recursive --lazy '$root/dev'; umount --lazy '$root/proc'" EXIT
    if [ ! -e "$folder/debian" ]; then
        chroot "$root" apt-get update -qq
        DEBIAN_FRONTEND=noninteractive chroot "$root" \
            apt-get install -qq --no-install-recommends ca-certificates "$@" < /dev/null
        touch "$folder/debian"
    fi
    # What this machine trusts, for downloads
    cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
}

render() { # folder, answers: HEAD
    local folder=$1 answer data=()
    shift
    for answer; do data+=(--data "$answer"); done
    uv run --quiet --directory "$repository" python -W ignore -m copier copy --quiet --defaults --vcs-ref HEAD \
        "${data[@]}" . "$folder"
}

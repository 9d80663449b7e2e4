# Sourced inside the chroot: what programs under wine see.
export WINEPREFIX=/w/prefix WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=" HOME=/root LANG=C.UTF-8
export XDG_RUNTIME_DIR=/tmp WINEPATH='Z:\w\bin;Z:\w\python' CARGO_HOME='Z:\w\cargo-home' CARGO_TERM_COLOR=never
export SSL_CERT_FILE='Z:\etc\ssl\certs\ca-certificates.crt'
unset PIP_FIND_LINKS PIP_CERT VIRTUAL_ENV

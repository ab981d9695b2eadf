# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0 OR MIT
# Shared by run and test: the system packages, a Python, and `.venv` beside this folder. Needs `root`, the checkout's real path.
# Everything it says goes to stderr: stdout belongs to the program.

# What is looked for, and the Debian package it comes from. Complete for Qt's offscreen and xcb plugins (ldd).
window_needs='libEGL.so.1=libegl1 libGL.so.1=libgl1 libglib-2.0.so.0=libglib2.0-0 libdbus-1.so.3=libdbus-1-3
libfontconfig.so.1=libfontconfig1 libxkbcommon-x11.so.0=libxkbcommon-x11-0 libxcb-cursor.so.0=libxcb-cursor0
libxcb-icccm.so.4=libxcb-icccm4 libxcb-keysyms.so.1=libxcb-keysyms1 libxcb-shape.so.0=libxcb-shape0'
build_needs='dpkg-deb=dpkg objdump=binutils xz=xz-utils'
test_needs='gpg=gnupg gpg-agent=gnupg'
ci_needs='Xvfb=xvfb xauth=xauth openbox=openbox xdotool=xdotool docker-registry=docker-registry openssl=openssl skopeo=skopeo umoci=umoci
busybox=busybox-static gnome-keyring-daemon=gnome-keyring dbus-run-session=dbus mmdebstrap=mmdebstrap
/usr/sbin/sshd=openssh-server ssh=openssh-client sudo=sudo /usr/sbin/useradd=passwd
desktop-file-validate=desktop-file-utils appstreamcli=appstream objdump=binutils xz=xz-utils tcsh=tcsh fish=fish
/usr/libexec/at-spi-bus-launcher=at-spi2-core /usr/lib/python3/dist-packages/pyatspi=python3-pyatspi'

say() {
    printf 'mirrordeck: %s\n' "$*" >&2
}

fail() {
    say "$@"
    exit 1
}

library_found() {
    case $known_libraries in *"	$1 "*) return 0 ;; esac
    (
        IFS=:
        for folder in ${LD_LIBRARY_PATH-}; do
            if [ -e "$folder/$1" ]; then exit 0; fi
        done
        exit 1
    )
}

# The needs of "$@" that are not met, one `name=package` a line. Without ldconfig nothing can be said about libraries.
unmet() {
    known_libraries=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null) || known_libraries=
    for need in "$@"; do
        case $need in
            /*) [ -e "${need%%=*}" ] || echo "$need" ;;
            lib*) [ -z "$known_libraries" ] || library_found "${need%%=*}" || echo "$need" ;;
            *) command -v "${need%%=*}" >/dev/null || echo "$need" ;;
        esac
    done
    find_python >/dev/null || echo "a Python 3.11, 3.12 or 3.13 with venv=$(python_package)"
}

# Prints the real path of a Python that can make `.venv` (never one inside a virtual environment, which may be `.venv` itself).
find_python() {
    for candidate in python3.13 python3.12 python3.11 python3; do
        "$candidate" -I - 2>/dev/null <<'PYTHON' && return
import ensurepip, os, sys, venv
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(1)
print(os.path.realpath(sys.executable))
PYTHON
    done
    return 1
}

python_package() {
    for version in 3.13 3.12 3.11; do
        if apt-cache show "python$version-venv" 2>/dev/null | grep -q .; then
            echo "python$version-venv"
            return
        fi
    done
    echo python3-venv
}

names_of() {
    echo "$1" | sed 's/=.*/;/' | paste -sd ' ' - | sed 's/;$//'
}

packages_of() {
    echo "$1" | sed 's/.*=//' | sort -u | paste -sd ' ' -
}

# Makes sure that the needs "$@" and a Python are there: as root by apt-get, else by saying exactly what to install.
prepare_system() {
    missing=$(unmet "$@")
    if [ -z "$missing" ]; then return; fi
    if ! command -v apt-get >/dev/null; then
        fail "missing on this system: $(names_of "$missing"). Install them, then start again"
    fi
    if [ "$(id -u)" -eq 0 ]; then
        apt-get -qq update </dev/null >&2 || say "apt-get update failed, going on with the package lists that are there"
        missing=$(unmet "$@")
        packages=$(packages_of "$missing")
        say "installing system packages: $packages"
        # shellcheck disable=SC2086  # a list of package names
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends $packages </dev/null >&2 ||
            fail "these system packages could not be installed: $packages"
        missing=$(unmet "$@")
        if [ -n "$missing" ]; then fail "still missing after installing: $(names_of "$missing")"; fi
    else
        say "missing on this system: $(names_of "$missing"). Install them, then start again:"
        printf '\n    sudo apt-get install --no-install-recommends %s\n\n' "$(packages_of "$missing")" >&2
        exit 1
    fi
}

# What a stamp must say for `.venv` to be current: this place, the Python behind it, our version, the lock file, this script.
wanted_stamp() {
    printf '%s\n' "$root" "$(readlink -f -- "$root/.venv/bin/python")" "$(grep '^version = ' "$root/pyproject.toml")"
    cat -- "$1" "$root/packaging/common.sh" | sha256sum
}

current() {
    [ -x "$root/.venv/bin/python" ] && [ -f "$2" ] && [ "$(cat -- "$2")" = "$(wanted_stamp "$1")" ]
}

install_locked() {
    install_locked_into "$root/.venv" "$1"
}

install_locked_into() {
    quiet=--quiet
    if [ -t 2 ]; then quiet=--progress-bar=on; fi
    "$1/bin/python" -I -m pip install "$quiet" --no-input --disable-pip-version-check \
        --require-hashes --no-deps --only-binary :all: -r "$2" </dev/null >&2 ||
        fail "the Python packages of $2 could not be installed (see above); nothing was started"
}

# Last step of a set-up: without a stamp it is done again.
write_stamp() {
    wanted_stamp "$1" >"$2.new" && mv -- "$2.new" "$2"
}

make_environment() {
    say "setting up $root/.venv (once; downloads about 100 MB)"
    rm -f -- "$run_stamp" "$test_stamp" && rm -rf -- "$root/.venv" || fail "$root/.venv could not be removed"
    "$(find_python)" -I -m venv -- "$root/.venv" >&2 || fail "$root/.venv could not be made"
    install_locked "$run_lock"
    link_checkout && write_launcher "$root/.venv/bin/mirrordeck" && write_stamp "$run_lock" "$run_stamp" ||
        fail "$root/.venv could not be completed"
}

# The checkout itself is imported (no build, no copy that could be stale); the metadata tells the program its version.
link_checkout() {
    "$root/.venv/bin/python" -I - "$root" <<'PYTHON'
import pathlib, sys, sysconfig, tomllib
root, packages = pathlib.Path(sys.argv[1]), pathlib.Path(sysconfig.get_path("purelib"))
packages.joinpath("mirrordeck.pth").write_text(f"{root}\n", encoding="utf-8")
version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
information = packages / f"mirrordeck-{version}.dist-info"
information.mkdir()
(information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mirrordeck\nVersion: {version}\n", encoding="utf-8")
(information / "INSTALLER").write_text("packaging/run\n", encoding="utf-8")
PYTHON
}

# Both sh and Python: finds its Python wherever it lies. -I: a PYTHONPATH made by `spack load` must not shadow ours.
write_launcher() {
    cat >"$1" <<'LAUNCHER'
#!/bin/sh
'''exec' "$(dirname -- "$(readlink -f -- "$0")")/python" -I "$0" "$@"
' '''
import sys

from core.cli.main import main

sys.exit(main())
LAUNCHER
    chmod 755 "$1"
}

run_lock=$root/requirements.lock
run_stamp=$root/.venv/mirrordeck-run.stamp
test_lock=$root/packaging/requirements-test.lock
test_stamp=$root/.venv/mirrordeck-test.stamp

# Calls "$@" while holding the set-up lock, so that two first starts do not write into each other's `.venv`.
# The lock is on the lock file itself, opened for appending because NFS grants exclusive locks on writable files only.
locked() {
    if ! [ -w "$root" ]; then fail "$root/.venv is not up to date and cannot be written by you"; fi
    ( flock 9 && "$@" ) 9>>"$run_lock" || exit 1
}

ensure_run_environment() {
    if current "$run_lock" "$run_stamp"; then return; fi
    # shellcheck disable=SC2086  # a list of needs
    prepare_system $window_needs
    locked update_run_environment
}

update_run_environment() {
    current "$run_lock" "$run_stamp" || make_environment
}

ensure_test_environment() {
    # shellcheck disable=SC2086  # lists of needs
    prepare_system $window_needs $test_needs ${MIRRORDECK_CI:+$ci_needs}
    ensure_run_environment
    current "$test_lock" "$test_stamp" || locked update_test_environment
}

update_test_environment() {
    if current "$test_lock" "$test_stamp"; then return; fi
    say "adding what the tests need to $root/.venv"
    install_locked "$test_lock"
    write_stamp "$test_lock" "$test_stamp"
}

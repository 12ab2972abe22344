# Sourced by ./siseri, ./demo, ./test and .ci/run: makes .venv from requirements.lock where it is missing or out of
# date, else costs a few milliseconds. Sets ROOT (the project's folder) and PYTHON (the environment's interpreter).
# Speaks on standard error only, and only when it works. Needs bash, Python 3.11 to 3.13 with venv, and the package
# index the machine's pip is configured with.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
PYTHON=$ROOT/.venv/bin/python

siseri_say() { printf 'siseri: %s\n' "$*" >&2; }

# What the environment was built from: the lock, and the place (its scripts hold the path).
siseri_lock_mark() { { cat -- "$ROOT/requirements.lock" && printf '%s' "$ROOT"; } | sha256sum | cut -d' ' -f1; }

# What the project's own installation was made from: its declaration of packages and commands.
siseri_project_mark() { sha256sum <"$ROOT/pyproject.toml" | cut -d' ' -f1; }

siseri_marked() { [ -f "$ROOT/.venv/$1" ] && [ "$(cat -- "$ROOT/.venv/$1")" = "$2" ] && [ -x "$PYTHON" ]; }

siseri_find_python() {
    local name path without_venv=
    for name in ${SISERI_PYTHON:-python3.11 python3.12 python3.13 python3}; do
        path=$(command -v "$name" 2>/dev/null) || continue
        "$path" -I -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue
        if "$path" -I -c 'import venv, ensurepip' 2>/dev/null; then
            printf '%s' "$path"
            return 0
        fi
        without_venv=$path
    done
    if [ -n "$without_venv" ]; then
        siseri_say "$without_venv lacks its venv module; on Debian or Ubuntu: apt install python3-venv"
    else
        siseri_say "Python 3.11, 3.12 or 3.13 is needed; on Debian or Ubuntu: apt install python3 python3-venv"
    fi
    return 1
}

# uv does not read pip's configuration: hand it the same package index, from the configuration and nowhere else.
siseri_same_index() {
    local told value
    told=$("$PYTHON" -m pip config list 2>/dev/null)
    siseri_told() { sed -n "s/^[^=]*[.]$1='\(.*\)'\$/\1/p" <<<"$told" | tail -n 1; }
    value=$(siseri_told index-url) && [ -n "$value" ] && export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$value}"
    value=$(siseri_told extra-index-url) && [ -n "$value" ] && export UV_INDEX="${UV_INDEX:-$value}"
    value=$(siseri_told cert) && [ -n "$value" ] && export SSL_CERT_FILE="${SSL_CERT_FILE:-$value}"
    export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1   # the machine's own authorities (the name depends on uv's age)
    export UV_INDEX_STRATEGY=unsafe-best-match # safe here: the lock holds every file's hash
}

# Every file's bytecode is written too: the first imports would cost seconds otherwise.
siseri_by_uv() (
    siseri_same_index
    "$ROOT/.venv/bin/uv" pip install --python "$PYTHON" --compile-bytecode --require-hashes --no-deps -r "$1" 2>&1 |
        sed -u '/^ [-+~] /d; /^ Downloaded/d; s/^/siseri:       /' >&2
    exit "${PIPESTATUS[0]}"
)

siseri_install() {
    local lock=$ROOT/requirements.lock first=$ROOT/.venv/uv.lock
    unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
    siseri_say "[1/3] making the virtual environment with $("$1" -V)"
    rm -rf -- "$ROOT/.venv" && "$1" -m venv "$ROOT/.venv" || return 1
    siseri_say "[2/3] installing $(grep -c '^[a-zA-Z0-9].*==' "$lock") packages from requirements.lock (about 1 GB, once)"
    awk '/^[a-zA-Z0-9]/ { taken = /^uv==/ } taken' "$lock" >"$first"
    if "$PYTHON" -m pip install -qq --require-hashes --no-deps -r "$first" >&2 &&
        siseri_by_uv "$lock"; then
        :
    else
        siseri_say "      uv did not manage; going on with pip (slower)"
        "$PYTHON" -m pip install --require-hashes --no-deps --progress-bar off -r "$lock" |
            sed -u -n 's/^Collecting \([^ ]*\).*/siseri:       \1/p; s/^Installing collected.*/siseri:       unpacking/p' >&2
        [ "${PIPESTATUS[0]}" -eq 0 ] || return 1
    fi
}

siseri_install_project() {
    siseri_say "[3/3] installing the project itself"
    env -u PYTHONPATH -u PYTHONHOME PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore "$PYTHON" -m pip install \
        --quiet --no-deps --no-build-isolation --no-index --editable "$ROOT" >&2
}

siseri_bootstrap() {
    local lock project python started=$SECONDS
    lock=$(siseri_lock_mark) && project=$(siseri_project_mark) || return 1
    siseri_marked built-from "$lock" && siseri_marked installed-from "$project" && return 0
    (
        # One builder at a time; who waited finds the work done. Each mark is written last, so what was interrupted
        # is begun again.
        if command -v flock >/dev/null 2>&1; then
            exec 9<"$ROOT/requirements.lock"
            flock -n 9 || { siseri_say "waiting for another set-up of this folder" && flock 9; }
        fi
        if ! siseri_marked built-from "$lock"; then
            python=$(siseri_find_python) || exit 3
            siseri_install "$python" 9<&- || { siseri_say "the set-up failed; the lines above say why" && exit 3; }
            printf '%s\n' "$lock" >"$ROOT/.venv/built-from"
        fi
        if ! siseri_marked installed-from "$project"; then
            siseri_install_project 9<&- || { siseri_say "the set-up failed; the lines above say why" && exit 3; }
            printf '%s\n' "$project" >"$ROOT/.venv/installed-from"
        fi
        siseri_say "set up in $((SECONDS - started)) s"
    )
}

siseri_bootstrap || exit $?

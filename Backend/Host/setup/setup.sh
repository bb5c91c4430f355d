# Sourced by `run` and `test`: installs what is missing and says so. Quick when nothing is.
# Uses: root (the repository). Sets: state (the state directory), dotnet on PATH.

state=${MODAL_STATE_DIR:-$([ "$(id -u)" = 0 ] && echo /var/lib/modal || echo "${XDG_DATA_HOME:-$HOME/.local/share}/modal")}
# Absolute, as programs are started from other folders.
state=$(realpath -m "$state")
[ -z "${MODAL_STATE_DIR:-}" ] || export MODAL_STATE_DIR=$state
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
is_root() { [ "$(id -u)" = 0 ]; }
say() { echo "setup: $*" >&2; }
# shellcheck source=../../Worker/base/apt-mirror
. "$root/Backend/Worker/base/apt-mirror"

apt_updated=
# Runs a command and shows what it printed only if it failed: apt tells a page for each package.
quietly() {
  local output
  output=$("$@" 2>&1 </dev/null) || { echo "$output" >&2; return 1; }
}
apt_update() { [ -n "$apt_updated" ] || quietly apt-get update -qq || return; apt_updated=1; }
apt_install() { apt_update && DEBIAN_FRONTEND=noninteractive quietly apt-get install -y -qq --no-install-recommends "$@"; }

# Without ICU, .NET starts only in invariant mode; a minimal Debian has none, and nothing here needs more.
PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep libicuuc >/dev/null || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1

# Not grep -q: it stops reading at its first match, and with pipefail the writer's SIGPIPE would read as "not found".
has_sdk() { command -v dotnet >/dev/null && dotnet --list-sdks 2>/dev/null | grep '^10\.' >/dev/null; }

setup_dotnet() {
  local dir
  for dir in /usr/share/dotnet /usr/lib/dotnet "$HOME/.dotnet"; do
    has_sdk && return
    [ -x "$dir/dotnet" ] && PATH="$dir:$PATH"
  done
  has_sdk && return
  if is_root && command -v apt-get >/dev/null && apt_update && apt-cache show dotnet-sdk-10.0 >/dev/null 2>&1; then
    say "installing dotnet-sdk-10.0 from this machine's package archive"
    apt_install dotnet-sdk-10.0 ca-certificates
  else
    install_sdk_script
  fi
  has_sdk || { say "the .NET 10 SDK is still not found after installing it; 'dotnet --list-sdks' has to show 10.0"; exit 1; }
}

# Packages that the script's archive does not bring. ICU's name carries its version, so it is looked up.
install_sdk_script() {
  local dir script icu
  dir=$(is_root && echo /usr/share/dotnet || echo "$HOME/.dotnet")
  say "installing the .NET 10 SDK into $dir with Microsoft's install script"
  if is_root && command -v apt-get >/dev/null; then
    icu=$(apt-cache search --names-only '^libicu[0-9]+$' | sed 's/ .*//' | sort -V | tail -n 1)
    setup_packages ca-certificates curl libgcc-s1 libssl3 libstdc++6 zlib1g $icu
  fi
  command -v curl >/dev/null || { say "curl is missing: install it, or the .NET 10 SDK, and run this again"; exit 1; }
  script=$(mktemp)
  if ! curl -fsSL --retry 2 https://dot.net/v1/dotnet-install.sh -o "$script" || ! bash "$script" --channel 10.0 --install-dir "$dir" >&2; then
    rm -f "$script"
    say "the .NET 10 SDK could not be downloaded. Install it by hand so that 'dotnet --list-sdks' shows 10.0, then run this again."
    exit 1
  fi
  rm -f "$script"
  PATH="$dir:$PATH"
}

# The build of 2022 in Debian 12 has no systrap; releases since August 2023 do. Versions look like 0.0~20240729.0 or release-20250512.0.
new_enough_runsc() { # VERSION
  local date
  date=$(sed -nE '1s/.*(20[0-9]{6}).*/\1/p' <<<"$1")
  [ -n "$date" ] && [ "$date" -ge 20230801 ]
}
has_runsc() { new_enough_runsc "$(runsc --version 2>/dev/null)"; }

setup_runsc() {
  has_runsc && return
  if ! command -v apt-get >/dev/null; then say "gVisor (runsc) is missing: install it from your distribution"; return; fi
  # Debian 13 and later have it themselves. A pin on trixie there would switch the machine's own archive off.
  if apt_update && new_enough_runsc "$(apt-cache policy runsc | sed -n 's/^ *Candidate: //p')"; then
    say "installing gVisor (runsc) from this machine's package archive"
    apt_install runsc || say "runsc could not be installed; containers will run without isolation"
    return
  fi
  local mirror keyring source=/etc/apt/sources.list.d/modal-runsc.sources pin=/etc/apt/preferences.d/modal-runsc
  read -r mirror keyring < <(debian_mirror) || true
  if [ -z "${mirror:-}" ]; then say "gVisor (runsc) is missing and this machine's apt names no Debian archive to take it from"; return; fi
  say "installing gVisor (runsc) from the trixie suite of this machine's Debian mirror ($source); nothing else is taken from there ($pin)"
  # The pin goes first: at no time could another package come from there.
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: -1\n\nPackage: runsc\nPin: release n=trixie\nPin-Priority: 990\n' > "$pin"
  cat > "$source" <<SOURCES
Types: deb
URIs: $mirror
Suites: trixie
Components: main
Signed-By: ${keyring:-/usr/share/keyrings/debian-archive-keyring.gpg}
SOURCES
  apt_updated=
  if ! apt_install runsc; then
    rm -f "$source" "$pin"
    apt_updated=
    say "runsc could not be installed, and apt was left as it was; containers will run without isolation"
  fi
}

setup_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  apt_install "${missing[@]}" || say "could not be installed: ${missing[*]}; going on without"
}

setup_machine() {
  if is_root; then
    if command -v apt-get >/dev/null; then setup_packages fuse3 mmdebstrap skopeo; fi
    setup_runsc
    "$root/Backend/Worker/base/bootstrap-base" "$state" >/dev/null || say "the standard base could not be made; containers will run without isolation"
  elif ! has_runsc; then
    say "not root and no gVisor: containers will run WITHOUT ISOLATION. For isolation run as root, which installs gVisor."
  else
    say "not root: containers will run WITHOUT ISOLATION. For isolation run as root."
  fi
}

# Everything that a program is made from; its hash says whether it has to be made again.
stamp_of() { (cd "$root" && find "$@" Directory.Build.props Directory.Packages.props global.json -type f -not -path '*/bin/*' -not -path '*/obj/*' -not -name '*.md' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-32); }

publish() { # PROJECT_FOLDER OUTPUT
  dotnet publish "$root/$1" -c Release -r linux-x64 --self-contained false -p:PublishReadyToRun=true -o "$2" -v quiet -nologo >&2
}

setup_backend() {
  local stamp
  mkdir -p "$root/artifacts"
  stamp=$(stamp_of Backend Sdk/Modal.Protocol)
  if [ "$(cat "$root/artifacts/host/build-id" 2>/dev/null)" != "$stamp" ]; then locked build_backend "$stamp" || exit 1; fi
  export MODAL_HOST=$root/artifacts/host/Modal.Backend.Host.dll
  mkdir -p "$state"
  chmod 700 "$state"
  [ "$(cat "$state/host.path" 2>/dev/null)" = "$MODAL_HOST" ] || echo "$MODAL_HOST" > "$state/host.path"
}

# Two that start at once: one builds, the other waits and finds it built.
locked() { (flock 9 && "$@" 9>&-) 9> "$root/artifacts/lock"; }

build_backend() { # STAMP. Called in a condition, where set -e does not hold: each step says what its failure means.
  local artifacts=$root/artifacts
  [ "$(cat "$artifacts/host/build-id" 2>/dev/null)" = "$1" ] && return
  say "building the backend into artifacts/ (about a minute, again when its sources change)"
  rm -rf "$artifacts/host.new" "$artifacts/runner.new" "$artifacts/imagefs.new"
  if ! publish Backend/Host "$artifacts/host.new" || ! publish Backend/Runner "$artifacts/runner.new" || ! publish Backend/ImageFs "$artifacts/imagefs.new"; then
    say "the backend could not be built"
    return 1
  fi
  # A daemon that runs keeps its open files; the next program replaces it, seeing another build-id.
  echo "$1" > "$artifacts/host.new/build-id" &&
    rm -rf "$artifacts/host" "$artifacts/runner" "$artifacts/imagefs" &&
    mv "$artifacts/imagefs.new" "$artifacts/imagefs" &&
    mv "$artifacts/runner.new" "$artifacts/runner" &&
    mv "$artifacts/host.new" "$artifacts/host"
}

setup_feed() {
  local stamp
  mkdir -p "$root/artifacts"
  stamp=$(stamp_of Sdk Generators)
  [ "$(cat "$root/artifacts/feed/stamp" 2>/dev/null)" = "$stamp" ] || locked build_feed "$stamp" || exit 1
}

build_feed() { # STAMP
  local feed=$root/artifacts/feed
  [ "$(cat "$feed/stamp" 2>/dev/null)" = "$1" ] && return
  say "packing Modal.Sdk into the local feed artifacts/feed"
  rm -rf "$feed"
  if ! dotnet pack "$root/Sdk/Modal.Sdk" -c Release -p:ForPackage=true -o "$feed" -v quiet -nologo >&2; then
    say "Modal.Sdk could not be packed"
    return 1
  fi
  # The same version with other content must not come from the cache.
  rm -rf "${NUGET_PACKAGES:-$HOME/.nuget/packages}/modal.sdk"
  echo "$1" > "$feed/stamp"
}

# A file-based program is not compiled again when a package changes under the same version, so its first run after packing says --no-cache.
# Prints that option or nothing; the marks vanish with the feed.
fresh_option() { # FILE
  local mark
  mark=$root/artifacts/feed/ran-$(realpath "$1" | sha256sum | cut -c1-16)
  [ -e "$mark" ] || { touch "$mark"; echo --no-cache; }
}

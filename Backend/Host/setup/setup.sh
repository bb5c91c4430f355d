# Sourced by `run` and `test`: installs what is missing and says so. Quick when nothing is.
# Uses: root (the repository). Sets: state (the state directory), dotnet on PATH.

state=${MODAL_STATE_DIR:-$([ "$(id -u)" = 0 ] && echo /var/lib/modal || echo "${XDG_DATA_HOME:-$HOME/.local/share}/modal")}
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
is_root() { [ "$(id -u)" = 0 ]; }
say() { echo "setup: $*" >&2; }
# shellcheck source=../../Worker/base/apt-mirror
. "$root/Backend/Worker/base/apt-mirror"

apt_updated=
apt_install() {
  if [ -z "$apt_updated" ]; then apt-get update -qq >&2; apt_updated=1; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Without ICU, .NET starts only in invariant mode; a minimal Debian has none, and nothing here needs more.
ldconfig -p 2>/dev/null | grep -q libicuuc || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1

has_sdk() { command -v dotnet >/dev/null && dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; }

setup_dotnet() {
  local dir
  for dir in /usr/share/dotnet /usr/lib/dotnet "$HOME/.dotnet"; do
    has_sdk && return
    [ -x "$dir/dotnet" ] && PATH="$dir:$PATH"
  done
  has_sdk && return
  if is_root && command -v apt-get >/dev/null && { apt-get update -qq >&2; apt_updated=1; apt-cache show dotnet-sdk-10.0 >/dev/null 2>&1; }; then
    say "installing dotnet-sdk-10.0 from this machine's package archive"
    apt_install dotnet-sdk-10.0 ca-certificates
  else
    dir=$(is_root && echo /usr/share/dotnet || echo "$HOME/.dotnet")
    say "installing the .NET 10 SDK into $dir with Microsoft's install script"
    command -v curl >/dev/null || { is_root && apt_install curl ca-certificates; } || { say "curl is missing: install it, or the .NET 10 SDK, and run this again"; exit 1; }
    if ! curl -fsSL --retry 2 https://dot.net/v1/dotnet-install.sh -o "${TMPDIR:-/tmp}/dotnet-install.$$" || ! bash "${TMPDIR:-/tmp}/dotnet-install.$$" --channel 10.0 --install-dir "$dir" >&2; then
      rm -f "${TMPDIR:-/tmp}/dotnet-install.$$"
      say "the .NET 10 SDK could not be downloaded. Install it by hand so that 'dotnet --list-sdks' shows 10.0, then run this again."
      exit 1
    fi
    rm -f "${TMPDIR:-/tmp}/dotnet-install.$$"
    PATH="$dir:$PATH"
  fi
  has_sdk || { say "the .NET 10 SDK is still not found after installing it"; exit 1; }
}

# The build of 2022 in Debian 12 has no systrap; releases since August 2023 do. Versions look like 0.0~20240729.0 or release-20250512.0.
has_runsc() {
  local version
  version=$(runsc --version 2>/dev/null | sed -nE '1s/.*(20[0-9]{6}).*/\1/p')
  [ -n "$version" ] && [ "$version" -ge 20230801 ]
}

setup_runsc() {
  has_runsc && return
  if ! command -v apt-get >/dev/null; then say "gVisor (runsc) is missing: install it from your distribution"; return; fi
  local mirror keyring
  read -r mirror keyring < <(debian_mirror) || true
  if [ -z "${mirror:-}" ]; then say "gVisor (runsc) is missing and this machine's apt names no Debian archive to take it from"; return; fi
  say "installing gVisor (runsc) from the trixie suite of this machine's Debian mirror; nothing else is taken from there"
  cat > /etc/apt/sources.list.d/modal-runsc.sources <<SOURCES
Types: deb
URIs: $mirror
Suites: trixie
Components: main
Signed-By: ${keyring:-/usr/share/keyrings/debian-archive-keyring.gpg}
SOURCES
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: -1\n\nPackage: runsc\nPin: release n=trixie\nPin-Priority: 990\n' > /etc/apt/preferences.d/modal-runsc
  apt_updated=
  apt_install runsc || say "runsc could not be installed; containers will run without isolation"
}

setup_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg -s "$package" 2>/dev/null | grep -q '^Status: install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  apt_install "${missing[@]}"
}

setup_machine() {
  if is_root; then
    if command -v apt-get >/dev/null; then setup_packages fuse3 mmdebstrap; fi
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
  stamp=$(stamp_of Backend Sdk/Modal.Protocol)
  if [ "$(cat "$root/artifacts/host/build-id" 2>/dev/null)" != "$stamp" ]; then
    say "building the backend into artifacts/ (about a minute, again when its sources change)"
    rm -rf "$root/artifacts/host.new" "$root/artifacts/runner.new"
    publish Backend/Host "$root/artifacts/host.new"
    publish Backend/Runner "$root/artifacts/runner.new"
    # A daemon that runs keeps its open files; the next program replaces it, seeing another build-id.
    rm -rf "$root/artifacts/host" "$root/artifacts/runner"
    mv "$root/artifacts/runner.new" "$root/artifacts/runner"
    echo "$stamp" > "$root/artifacts/host.new/build-id"
    mv "$root/artifacts/host.new" "$root/artifacts/host"
  fi
  export MODAL_HOST=$root/artifacts/host/Modal.Backend.Host.dll
  mkdir -p "$state"
  chmod 700 "$state"
  [ "$(cat "$state/host.path" 2>/dev/null)" = "$MODAL_HOST" ] || echo "$MODAL_HOST" > "$state/host.path"
}

setup_feed() {
  local stamp
  stamp=$(stamp_of Sdk Generators)
  [ "$(cat "$root/artifacts/feed/stamp" 2>/dev/null)" = "$stamp" ] && return
  say "packing Modal.Sdk into the local feed artifacts/feed"
  rm -rf "$root/artifacts/feed"
  mkdir -p "$root/artifacts/feed"
  dotnet pack "$root/Sdk/Modal.Sdk" -c Release -p:ForPackage=true -o "$root/artifacts/feed" -v quiet -nologo >&2
  # The same version with other content must not come from the cache.
  rm -rf "${NUGET_PACKAGES:-$HOME/.nuget/packages}/modal.sdk"
  echo "$stamp" > "$root/artifacts/feed/stamp"
}

# How build/package makes container images: a tree from build/install and a base, packed by tar.
# No tool for images is needed; buildah writes a random id into each, so that no two would be alike.
# shellcheck shell=bash disable=SC2154 # root, version, out, work, without are those of build/package

revision=$(git -C "$root" rev-parse HEAD)
certificates=/etc/ssl/certs/ca-certificates.crt
# Who the agent is where no probe needs capabilities.
unprivileged=65532
# What the extend probes run on; dig is asked by dnsmasq.
packages_of_full="libc6,libgcc-s1,ca-certificates,python3,dash,coreutils,mawk,sed,grep,procps,bind9-dnsutils"

# platform: the name of this architecture as images have it.
platform() {
  case $(uname -m) in
    x86_64) say amd64 ;;
    aarch64) say arm64 ;;
    *) uname -m ;;
  esac
}

# system_files TREE: users, names of hosts, folders of the agent; the configuration that is right for a container.
system_files() {
  local etc=$1/etc conf=$1/etc/gala-gopher/gala-gopher.conf
  # The original's command line maps a folder over user_conf; `gopher-ctl container` says what holds then.
  mkdir -p "$1"/{run/gala-gopher,var,tmp,gala-gopher/user_conf,etc/gala-gopher}
  install -d -m 750 "$1/var/lib/gala-gopher" "$1/var/log/gala-gopher"
  chmod 1777 "$1/tmp"
  # The original's command line maps the socket of docker there.
  ln -sfn /run "$1/var/run"
  printf '%s\n' root:x:0:0:root:/:/sbin/nologin "gala-gopher:x:$unprivileged:$unprivileged::/:/sbin/nologin" \
    nobody:x:65534:65534::/:/sbin/nologin >"$etc/passwd"
  printf '%s\n' root:x:0: "gala-gopher:x:$unprivileged:" nogroup:x:65534: >"$etc/group"
  printf 'hosts: files dns\n' >"$etc/nsswitch.conf"
  # A published port leads to the container's addresses, not to its loopback.
  sed -i '/^\[export.prometheus\]/,/^\[export.kafka\]/{ s/^listen = .*/listen = "0.0.0.0:8888"/
s/^plaintext = .*/plaintext = true/; }' "$conf"
  grep -q '^listen = "0.0.0.0:8888"' "$conf" && grep -q '^plaintext = true' "$conf"
}

# installed TREE PROBES: what build/install lays out, without the folders PROBES and without what only a host uses.
installed() {
  build/install ${2:+--without "$2"} "$1"
  rm -rf "$1"/usr/lib/{systemd,sysusers.d,tmpfiles.d} "$1"/usr/share/{man,bash-completion,zsh,fish}
  find "$1/usr/share/doc/gala-gopher" -type f ! -name LICENSE ! -name THIRD-PARTY ! -name sbom.cdx.json -delete
}

# libraries TREE: the loader and the libraries that the programs in it are linked to, and authorities for TLS.
libraries() {
  local program library
  while read -r program; do
    # Programs that are linked statically have none.
    { ldd "$program" 2>/dev/null || true; } | grep -oE '/[^ ]+\.so[^ ]*' || true
  done < <(find "$1/usr/bin" "$1/usr/libexec" -type f -perm /111) | sort -u | while read -r library; do
    install -D -m 755 "$(realpath "$library")" "$1$library"
  done
  [ -e "$certificates" ] || fail "$certificates is missing" "build/setup installs it (package ca-certificates)"
  install -D -m 644 "$certificates" "$1$certificates"
}

# debian_base TREE: interpreters from Debian's packages; no script of theirs is run, so no chroot is needed.
debian_base() {
  needs mmdebstrap mmdebstrap
  mmdebstrap --quiet --variant=extract --include="$packages_of_full" --format=directory \
    "$(. /etc/os-release && say "$VERSION_CODENAME")" "$1"
  # Neither what installs packages and starts services, nor names and addresses of the machine that this runs on.
  (cd "$1" && rm -rf dev var/{cache,log,lib/apt,lib/dpkg,lib/systemd,run} usr/share/{man,doc,info,locale} \
    etc/{apt,dpkg,cron.daily,logrotate.d,init.d,systemd,fstab,hostname,resolv.conf} etc/rc?.d)
  ln -sfn mawk "$1/usr/bin/awk"
  install -D -m 644 "$certificates" "$1$certificates"
  find "$1" -name __pycache__ -prune -exec rm -rf {} +
}

# layer TREE USER: the tar of a tree that belongs to root, but for the folders that the agent writes. No path is in it
# twice, which docker and podman refuse.
layer() {
  local plain=(--sort=name --format=gnu --numeric-owner --mtime="@$SOURCE_DATE_EPOCH")
  local writes=(./run/gala-gopher ./var/lib/gala-gopher ./var/log/gala-gopher)
  tar -C "$1" "${plain[@]}" --owner=0 --group=0 --anchored "${writes[@]/#/--exclude=}" -cf "$work/layer" .
  tar -C "$1" "${plain[@]}" --owner="$2" --group="$2" -rf "$work/layer" "${writes[@]}"
}

# configuration TAG USER DIFF_ID: what the image says of itself. Health checks are an addition of docker's to the format.
configuration() {
  jq -nc --arg tag "$1" --arg user "$2" --arg layer "sha256:$3" --arg platform "$(platform)" \
    --arg created "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" --arg revision "$revision" '
    def seconds: . * 1000000000;
    { created: $created, architecture: $platform, os: "linux",
      config: {
        User: $user, ExposedPorts: {"8888/tcp": {}}, WorkingDir: "/", StopSignal: "SIGTERM",
        Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        Entrypoint: ["/usr/bin/gopher-ctl", "container", "--"], Cmd: ["/usr/bin/gala-gopher"],
        Healthcheck: { Test: ["CMD", "/usr/bin/gopher-ctl", "probe", "list"],
          Interval: (30 | seconds), Timeout: (10 | seconds), StartPeriod: (10 | seconds), Retries: 3 },
        Labels: { "org.opencontainers.image.title": "gala-gopher", "org.opencontainers.image.version": $tag,
          "org.opencontainers.image.description": "Observability agent: probes with and without eBPF",
          "org.opencontainers.image.licenses": "Apache-2.0", "org.opencontainers.image.revision": $revision,
          "org.opencontainers.image.created": $created } },
      rootfs: { type: "layers", diff_ids: [$layer] },
      history: [{ created: $created, created_by: "build/package image" }] }'
}

# keep FILE FOLDER: moves a file to a folder under its digest, and says that.
keep() {
  local digest
  digest=$(sha256sum "$1" | cut -d ' ' -f 1)
  mkdir -p "$2"
  mv "$1" "$2/$digest"
  say "$digest"
}

# tar_of FOLDER FILE
tar_of() {
  tar -C "$1" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf "$2" .
}

# pack TREE TAG: the image of a tree, as docker load and podman load take it.
pack() {
  local user=0 files=$work/pack-$2 diff_id layer
  grep -rqE '^(optional_)?privileges' "$1/usr/libexec/gala-gopher" --include=probe.toml || user=$unprivileged
  layer "$1" "$user"
  diff_id=$(sha256sum "$work/layer" | cut -d ' ' -f 1)
  gzip -n "$work/layer"
  layer=$(keep "$work/layer.gz" "$files")
  configuration "$2" "$user" "$diff_id" >"$work/configuration"
  jq -nc --arg layer "$layer" --arg tag "gala-gopher:$2" --arg config "$(keep "$work/configuration" "$files")" \
    '[{ Config: $config, RepoTags: [$tag], Layers: [$layer] }]' >"$files/manifest.json"
  tar_of "$files" "$out/gala-gopher-image-$2-$(platform).tar"
}

# descriptor TYPE FOLDER DIGEST: how other documents refer to a blob.
descriptor() {
  jq -nc --arg type "application/vnd.oci.image.$1" --arg digest "$3" --argjson size "$(stat -c %s "$2/$3")" \
    '{ mediaType: $type, digest: ("sha256:" + $digest), size: $size }'
}

# manifest BLOBS IMAGE: adds an unpacked archive to the blobs; how an index refers to it.
manifest() {
  local config layer
  config=$(jq -r '.[0].Config' "$2/manifest.json")
  layer=$(jq -r '.[0].Layers[0]' "$2/manifest.json")
  mv "$2/$config" "$2/$layer" "$1"
  jq -nc --argjson config "$(descriptor config.v1+json "$1" "$config")" \
    --argjson layer "$(descriptor layer.v1.tar+gzip "$1" "$layer")" \
    '{ schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $config, layers: [$layer] }' \
    >"$work/manifest"
  descriptor manifest.v1+json "$1" "$(keep "$work/manifest" "$1")" |
    jq -c --slurpfile config "$1/$config" '. + { platform: ($config[0] | { architecture, os }) }'
}

# index TAG: one OCI archive of the images of all architectures whose archives are there.
index() {
  local layout=$work/index-$1 platform image manifests=
  local blobs=$layout/blobs/sha256
  mkdir -p "$blobs"
  for platform in amd64 arm64; do
    [ -e "$out/gala-gopher-image-$1-$platform.tar" ] || continue
    image=$work/image-$1-$platform
    mkdir "$image"
    tar -C "$image" -xf "$out/gala-gopher-image-$1-$platform.tar"
    manifests+=$(manifest "$blobs" "$image")
  done
  jq -sc '{ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: . }' \
    <<<"$manifests" >"$work/list"
  descriptor index.v1+json "$blobs" "$(keep "$work/list" "$blobs")" | jq -c --arg tag "$1" \
    '{ schemaVersion: 2, manifests: [. + { annotations: { "org.opencontainers.image.ref.name": $tag } }] }' \
    >"$layout/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  tar_of "$layout" "$out/gala-gopher-image-$1.oci.tar"
}

# make_image_slim: the image without interpreters.
make_image_slim() {
  local scripts
  needs jq jq
  scripts=$(extend_probes | paste -sd,)
  installed "$work/slim" "$scripts${without:+${scripts:+,}$without}"
  libraries "$work/slim"
  system_files "$work/slim"
  pack "$work/slim" "$version"
  index "$version"
}

# make_image_full: the image with them.
make_image_full() {
  needs jq jq
  debian_base "$work/full"
  installed "$work/full" "$without"
  system_files "$work/full"
  pack "$work/full" "$version-full"
  index "$version-full"
}

make_image() {
  make_image_slim
  make_image_full
}

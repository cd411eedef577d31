# One image for every role: the binary, FoundationDB's client library, and what both link against. No shell, no package
# manager; it runs as a user without rights and on a read-only root. packaging/README.md says how it is built and used.

ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
# Debian's libc6, libgcc and CA certificates, and the user 65532.
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot
# The stage that the binary comes from: `compiled` here, or `released`, found in dist/ of the build context.
ARG BINARY=compiled

FROM ${RUST_IMAGE} AS compiled
WORKDIR /src
COPY . .
# The release profile keeps symbols for profilers; without them the binary is a third smaller.
RUN cargo build --release --locked --bin alluvium \
    && install -D --strip target/release/alluvium /rootfs/usr/bin/alluvium

FROM scratch AS released
ARG TARGETARCH
COPY dist/linux-${TARGETARCH}/alluvium /rootfs/usr/bin/alluvium

# On the machine's own architecture, whatever the image is for: this unpacks and runs nothing of the package.
FROM --platform=${BUILDPLATFORM} ${RUST_IMAGE} AS foundationdb
ARG TARGETARCH
ARG FDB_VERSION=7.3.69
# SHA-256 of foundationdb-clients_<version>-1_<architecture>.deb. It has to be given together with another version, and for
# arm64 (FoundationDB publishes it beside the package): a build without it fails.
ARG FDB_SHA256_AMD64=ea59d1708519798c7bc4f514cd29af1ac8e41dccbec4371f22d86b713ea81cbf
ARG FDB_SHA256_ARM64=
ARG FDB_RELEASES=https://github.com/apple/foundationdb/releases/download
WORKDIR /download
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN case "${TARGETARCH}" in \
        amd64) package="foundationdb-clients_${FDB_VERSION}-1_amd64.deb" sha256="${FDB_SHA256_AMD64}" ;; \
        arm64) package="foundationdb-clients_${FDB_VERSION}-1_aarch64.deb" sha256="${FDB_SHA256_ARM64}" ;; \
        *) echo "no FoundationDB client for ${TARGETARCH}" >&2; exit 1 ;; \
    esac \
    && { [ -n "${sha256}" ] || { echo "the checksum of ${package} is not given" >&2; exit 1; }; } \
    && curl --fail --silent --show-error --location --output client.deb "${FDB_RELEASES}/${FDB_VERSION}/${package}" \
    && echo "${sha256}  client.deb" | sha256sum --check --strict \
    && dpkg-deb --extract client.deb client \
    && install -D --mode=0644 client/usr/lib/libfdb_c.so /rootfs/usr/lib/libfdb_c.so \
    && install --directory --owner=65532 --group=65532 /rootfs/var/lib/alluvium

# hadolint ignore=DL3006
FROM ${BINARY} AS binary

# hadolint ignore=DL3006
FROM ${BASE_IMAGE}
COPY --from=foundationdb /rootfs /
COPY --from=binary /rootfs /
COPY LICENSE /usr/share/doc/alluvium/LICENSE
# A container is reached at its own address, never at its loopback; what is published, and where, is decided outside.
ENV ALLUVIUM_KAFKA_LISTEN=0.0.0.0:9092 \
    ALLUVIUM_HTTP_LISTEN=0.0.0.0:8080 \
    ALLUVIUM_FDB_LIBRARY=/usr/lib/libfdb_c.so \
    ALLUVIUM_DATA_DIR=/var/lib/alluvium
USER 65532:65532
EXPOSE 9092 8080
STOPSIGNAL SIGTERM
# The binary has no command that asks a running one, and there is no shell: let the orchestrator ask GET /readyz and /healthz.
HEALTHCHECK NONE
ENTRYPOINT ["/usr/bin/alluvium"]
CMD ["dev"]

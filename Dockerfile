# Both programs as an image, to mount or copy from in other Dockerfiles: docker build -t tools .
# For another platform, cross-compiled: docker build --platform=linux/arm64 -t tools .
ARG RUST_IMAGE=rust:1-slim-trixie

# The classic builder knows no BUILDPLATFORM, and builds for its own.
FROM --platform=${BUILDPLATFORM:-linux} ${RUST_IMAGE} AS build
COPY . /src
ARG TARGETARCH
RUN case $TARGETARCH in \
        amd64) target=x86_64-unknown-linux-gnu ;; \
        arm64) target=aarch64-unknown-linux-gnu ;; \
        *) target=$(rustc -vV | sed -n 's/^host: //p') ;; \
    esac; \
    /src/packaging/cross.sh "$target" && /src/install.sh --target "$target" --prefix /installed

FROM scratch
COPY --from=build /installed/bin/ /

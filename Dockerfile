# Both programs as an image, for `COPY --from` in other Dockerfiles: docker build -t tools .
ARG RUST_IMAGE=rust:1-slim-trixie

FROM ${RUST_IMAGE} AS build
COPY . /src
RUN /src/install.sh --prefix /installed

FROM scratch
COPY --from=build /installed/bin/ /

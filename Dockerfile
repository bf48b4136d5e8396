# One image for every role: `docker run penstock sink`, `... ventilator`, and so on.
# docker-compose.yml puts them together. Building needs the distribution's archive and nothing else.

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts scripts
RUN scripts/install-packages build
COPY . .
RUN cmake --preset release -DPENSTOCK_BUILD_TESTS=OFF -DPENSTOCK_BUILD_BENCH=OFF \
    && cmake --build build/release --target penstock \
    && strip build/release/penstock

FROM debian:bookworm-slim
COPY scripts/install-packages /opt/penstock/scripts/install-packages
RUN /opt/penstock/scripts/install-packages runtime \
    && rm -rf /opt/penstock /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=build /src/build/release/penstock /usr/local/bin/penstock
# No name is needed for it, and nothing in the image belongs to it.
USER 10001:10001
# Roles drain on it: what runs is finished, what waits is handed back.
STOPSIGNAL SIGTERM
ENTRYPOINT ["penstock"]
CMD ["--help"]

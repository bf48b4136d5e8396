"""ZeroMQ sockets with the options that this pipeline needs. The loop's thread owns them."""

import zmq

from . import wire


def open_socket(context, kind):
    socket = context.socket(kind)
    socket.linger = 0
    # The kernel notices silent hosts. ZMTP heartbeats would kill live connections behind a peer
    # that has stopped reading, so they stay off.
    socket.tcp_keepalive = 1
    socket.tcp_keepalive_idle = 5
    socket.tcp_keepalive_intvl = 2
    socket.tcp_keepalive_cnt = 3
    socket.setsockopt(zmq.TCP_MAXRT, 10_000)
    socket.maxmsgsize = wire.FRAME_BYTES_MAX
    socket.reconnect_ivl = 100
    socket.reconnect_ivl_max = 2_000
    # The ventilator never has more under way than this worker's window, in jobs and in bytes: that
    # is the bound. A high-water mark would only make the loop wait.
    socket.sndhwm = 0
    socket.rcvhwm = 0
    return socket


def dial(context, kind, endpoint, **options):
    """Raises zmq.ZMQError for an endpoint that isn't one."""
    socket = open_socket(context, kind)
    for name, value in options.items():
        setattr(socket, name, value)
    return connect(socket, endpoint)


def connect(socket, endpoint):
    """As `dial` does."""
    try:
        if "[" in endpoint:
            socket.ipv6 = True
        socket.connect(endpoint)
    except zmq.ZMQError:
        socket.close()
        raise
    return socket

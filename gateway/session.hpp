#pragma once
// One HTTP connection, from its first byte to its last: a coroutine on one thread.

#include "gateway/beast.hpp"
#include "gateway/shard.hpp"

namespace penstock::gateway {

// `shard` outlives it.
Awaitable<void> serve(Shard* shard, Socket socket);

} // namespace penstock::gateway

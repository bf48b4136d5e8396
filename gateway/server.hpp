#pragma once
// The HTTP threads: each has its own io_context and its own listening socket.

#include "gateway/shard.hpp"

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace penstock::gateway {

class Server {
public:
    // Listens. Throws transport::StartError if it can't.
    explicit Server(House& house);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] const std::string& address() const { return address_; }

    // Where the hub takes its deliveries.
    std::vector<Deliver> inboxes();
    void start();
    void stop_accepting(); // from any thread
    void stop();           // returns when the threads have ended; what was under way stays undone

private:
    struct Thread {
        Thread(House& house, std::uint32_t index) : shard(house, index), acceptor(shard.io) {}

        Shard shard;
        Acceptor acceptor;
        std::thread thread;
    };

    void listen(const std::string& http);

    House& house_;
    std::vector<std::unique_ptr<Thread>> threads_;
    std::string address_;
};

} // namespace penstock::gateway

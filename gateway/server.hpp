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
    // Listens, and dials the ventilator and the sink. Throws transport::StartError if it can't.
    Server(House& house, zmq::context_t& context);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] const std::string& address() const { return address_; }

    void start();
    void drain();   // takes no more connections
    void give_up(); // what is under way is answered that no answer came
    void stop();    // returns when the threads have ended; what was under way stays undone

private:
    struct Thread {
        Thread(House& house, zmq::context_t& context)
            : shard(house, context), acceptor(shard.io) {}

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

// beanstalkd's protocol by hand: `put`s on the way at once; workers reserve, and delete when done.
// It keeps no outcomes, so the end is when the server has counted the last delete.

#include "bench/peers/programs/outcomes.hpp"

#include <boost/asio.hpp>
#include <thread>

namespace penstock::bench {
namespace {

namespace asio = boost::asio;

class Beanstalkd {
public:
    explicit Beanstalkd(int port) {
        socket_.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
        socket_.set_option(asio::ip::tcp::no_delay(true));
    }
    void send(const std::string& text) { asio::write(socket_, asio::buffer(text)); }
    std::string line() {
        const std::size_t size = asio::read_until(socket_, buffer_, "\r\n");
        return take(size).substr(0, size - 2);
    }
    std::string body(std::size_t size) {
        size += 2;
        if (buffer_.size() < size)
            asio::read(socket_, buffer_, asio::transfer_at_least(size - buffer_.size()));
        return take(size).substr(0, size - 2);
    }
    void expect(const char* start) {
        const std::string said = line();
        if (!said.starts_with(start)) throw std::runtime_error("beanstalkd says " + said);
    }
    std::uint64_t deleted() {
        send("stats-tube default\r\n");
        const std::string said = line(); // OK BYTES
        const std::string stats = body(std::stoul(said.substr(3)));
        return std::stoull(stats.substr(stats.find("cmd-delete: ") + 12));
    }

private:
    std::string take(std::size_t size) {
        const auto begin = asio::buffers_begin(buffer_.data());
        std::string out(begin, begin + static_cast<std::ptrdiff_t>(size));
        buffer_.consume(size);
        return out;
    }

    asio::io_context io_;
    asio::ip::tcp::socket socket_{io_};
    asio::streambuf buffer_;
};

void run_worker(const PeerPlan& plan) {
    Beanstalkd server(plan.port);
    server.send("reserve\r\n");
    while (true) {
        const std::string said = server.line(); // RESERVED ID BYTES
        const auto space = said.find(' ', 9);
        if (!said.starts_with("RESERVED ")) throw std::runtime_error("beanstalkd says " + said);
        const std::string job = server.body(std::stoul(said.substr(space + 1)));
        if (job.size() != kPayloadBytes) throw std::runtime_error("a job has another size");
        server.send("delete " + said.substr(9, space - 9) + "\r\nreserve\r\n");
        server.expect("DELETED");
    }
}

void run_client(const PeerPlan& plan) {
    Beanstalkd server(plan.port);
    server.send("use default\r\n");
    server.expect("USING");
    const std::uint64_t before = server.deleted();
    const Stopwatch watch;
    for (std::uint64_t sent = 0; sent < plan.jobs;) {
        std::string text;
        std::uint64_t puts = 0;
        for (; puts < kBatch && sent < plan.jobs; ++puts, ++sent)
            text += "put 0 0 60 100\r\n" + job_payload(sent) + "\r\n";
        server.send(text);
        for (; puts > 0; --puts) server.expect("INSERTED");
    }
    while (server.deleted() - before < plan.jobs)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    say(watch.rate(plan.jobs));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    return peer_main(argc, argv, run_worker, run_client);
}

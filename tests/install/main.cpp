// A worker with one kind: `shout` answers its text in capitals.

#include <penstock/worker.hpp>

#include <cctype>
#include <cstdio>

using penstock::Shape;
using penstock::worker::Job;
using penstock::worker::Reply;
using penstock::worker::Retry;

int main(int argc, char** argv) {
    if (argc != 2) {
        std::puts("usage: shout tcp://VENTILATOR:5556");
        return 2;
    }
    penstock::worker::Options options;
    options.control = argv[1];
    penstock::worker::Worker worker(options);
    worker.on("shout", [](Job& job) {
        const penstock::Node payload = job.read();
        if (!payload.is(Shape::text)) {
            return Reply::failure("bad-payload", "the payload must be a string", Retry::pointless);
        }
        std::string text(payload.text());
        for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return Reply::text(text);
    });
    worker.run();
}

#pragma once
// Real processes for tests: started on free ports, ended by their id, never waited for by a sleep.

#include "protocol/questions.hpp"

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace penstock::testing {

class Process {
public:
    // The first word is the program. Output goes to a file that output() reads.
    Process(std::vector<std::string> command, std::vector<std::string> environment);
    ~Process(); // ends it
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;

    void signal(int number) const;
    // Its exit status, or 128 + the signal that ended it; nullopt if it lives after 20 s.
    std::optional<int> wait();
    [[nodiscard]] bool is_alive();
    [[nodiscard]] std::string output() const;

private:
    pid_t pid_ = -1;
    std::optional<int> status_;
    std::string log_;
};

// Polls until the condition holds; false after 20 s, when the test has failed anyway.
bool eventually(const std::function<bool()>& condition);

// A directory of a test's own, which goes with it.
class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

struct HttpAnswer {
    long status = 0;
    std::string body;
    std::string headers;
};

// The roles on ports of their own.
class House {
public:
    House();
    ~House();

    [[nodiscard]] std::string door() const { return at(base_); }
    [[nodiscard]] std::string control() const { return at(base_ + 1); }
    [[nodiscard]] std::string sink_door() const { return at(base_ + 2); }
    [[nodiscard]] std::string status() const { return at(base_ + 3); }
    [[nodiscard]] std::string http() const { return "127.0.0.1:" + std::to_string(base_ + 6); }
    [[nodiscard]] int port(int offset) const { return base_ + offset; }

    Process sink(std::vector<std::string> more = {}) const;
    Process ventilator(std::vector<std::string> more) const;
    Process ventilator_with_open_files(int most) const;
    Process worker(std::vector<std::string> more) const;
    Process gateway(std::vector<std::string> more) const;

    void submit(const std::string& kind, const std::string& id, const std::string& payload) const;
    void submit(const Terms& terms, const std::string& id, const std::string& payload) const;
    // All with the same payload, in one message.
    void submit(const Terms& terms, const std::vector<std::string>& ids,
                const std::string& payload) const;
    // nullopt: no answer within ten seconds.
    [[nodiscard]] std::optional<StatusAnswer> ask(const StatusQuestion& question) const;
    [[nodiscard]] JobView wait(const std::string& id) const; // until finished
    [[nodiscard]] JobView status(const std::string& id) const;
    [[nodiscard]] std::optional<ControlAnswer> ask_control(const ControlQuestion& question) const;
    [[nodiscard]] bool is_ready() const; // the sink knows a ventilator
    [[nodiscard]] bool is_serving() const; // the ventilator knows the sink: it takes workers
    [[nodiscard]] std::size_t workers() const;

    // `data` null: GET.
    HttpAnswer http_request(const std::string& method, const std::string& path,
                            const std::string* data, const std::string& content_type) const;
    HttpAnswer get(const std::string& path) const { return http_request("GET", path, nullptr, ""); }

private:
    static std::string at(int port) { return "tcp://127.0.0.1:" + std::to_string(port); }
    std::string exchange(const std::string& endpoint, const std::string& frame) const;
    int base_; // the first of eight free ports, odd
    void* context_;
    void* curl_; // kept alive over requests
};

// One msgpack map of numbers, a payload for `add`, `sleep` and their like.
std::string numbers(std::initializer_list<std::pair<const char*, double>> pairs);

} // namespace penstock::testing

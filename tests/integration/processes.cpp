#include "tests/integration/processes.hpp"

#include "protocol/codec.hpp"
#include "transport/poll.hpp"
#include "transport/sockets.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <curl/curl.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace penstock::testing {

using namespace std::chrono_literals;

namespace {

constexpr Duration kPatience = 20s;

bool is_free(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return free;
}

int free_ports() {
    std::random_device random;
    for (int tries = 0; tries < 200; ++tries) {
        const int base = 10'001 + 10 * static_cast<int>(random() % 900);
        bool all = true;
        for (int i = 0; i < 8; ++i) all = all && is_free(base + i);
        if (all) return base;
    }
    throw std::runtime_error("no eight free ports between 10000 and 19000");
}

std::size_t append(char* data, std::size_t size, std::size_t count, void* out) {
    static_cast<std::string*>(out)->append(data, size * count);
    return size * count;
}

} // namespace

Folder::Folder() {
    char name[] = "/tmp/penstock-test-XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error("no directory can be made in /tmp");
    path_ = name;
}

Folder::~Folder() {
    std::filesystem::remove_all(path_);
}

Process::Process(std::vector<std::string> command, std::vector<std::string> environment) {
    char name[] = "/tmp/penstock-test-XXXXXX";
    const int log = mkstemp(name);
    log_ = name;
    std::vector<char*> words;
    for (auto& word : command) words.push_back(word.data());
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        for (auto& each : environment) putenv(each.data());
        execvp(words[0], words.data());
        _exit(127);
    }
    close(log);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_), log_(std::exchange(other.log_, {})) {}

Process::~Process() {
    if (pid_ > 0 && !status_) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (!log_.empty()) unlink(log_.c_str());
}

void Process::signal(int number) const {
    if (!status_) kill(pid_, number);
}

bool Process::is_alive() {
    int status = 0;
    if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) {
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return !status_;
}

std::optional<int> Process::wait() {
    eventually([this] { return !is_alive(); });
    return status_;
}

std::string Process::output() const {
    std::ifstream file(log_);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool eventually(const std::function<bool()>& condition) {
    const Instant deadline = transport::clock_now() + kPatience;
    while (transport::clock_now() < deadline) {
        if (condition()) return true;
        zmq_poll(nullptr, 0, 5);
    }
    return false;
}

House::House() : base_(free_ports()), context_(new zmq::context_t(1)), curl_(curl_easy_init()) {}

House::~House() {
    curl_easy_cleanup(curl_);
    delete static_cast<zmq::context_t*>(context_);
}

Process House::sink(std::vector<std::string> more) const {
    std::vector<std::string> command = {PENSTOCK_BINARY, "sink", "--bind",
                                        "127.0.0.1:" + std::to_string(base_ + 2)};
    command.insert(command.end(), more.begin(), more.end());
    return Process(command, {});
}

Process House::ventilator(std::vector<std::string> more) const {
    std::vector<std::string> command = {PENSTOCK_BINARY, "ventilator",
                                        "--bind", "127.0.0.1:" + std::to_string(base_),
                                        "--sink", sink_door()};
    command.insert(command.end(), more.begin(), more.end());
    return Process(command, {});
}

Process House::ventilator_with_open_files(int most) const {
    const std::string limited = "ulimit -n " + std::to_string(most) + "; exec \"$0\" \"$@\"";
    return Process({"/bin/sh", "-c", limited, PENSTOCK_BINARY, "ventilator", "--bind",
                    "127.0.0.1:" + std::to_string(base_), "--sink", sink_door()},
                   {});
}

Process House::worker(std::vector<std::string> more) const {
    std::vector<std::string> command = {PENSTOCK_BINARY, "worker", "--ventilator", door()};
    command.insert(command.end(), more.begin(), more.end());
    return Process(command, {});
}

Process House::gateway(std::vector<std::string> more) const {
    std::vector<std::string> command = {PENSTOCK_BINARY, "gateway",  "--http", http(),
                                        "--ventilator",  door(), "--sink",  sink_door()};
    command.insert(command.end(), more.begin(), more.end());
    return Process(command, {});
}

void House::submit(const std::string& kind, const std::string& id,
                   const std::string& payload) const {
    Terms terms;
    terms.kind = kind;
    submit(terms, id, payload);
}

void House::submit(const Terms& terms, const std::string& id, const std::string& payload) const {
    submit(terms, std::vector<std::string>{id}, payload);
}

void House::submit(const Terms& terms, const std::vector<std::string>& ids,
                   const std::string& payload) const {
    auto socket =
        transport::open_socket(*static_cast<zmq::context_t*>(context_), zmq::socket_type::push);
    socket.set(zmq::sockopt::linger, 10'000);
    socket.connect(door());
    socket.set(zmq::sockopt::sndtimeo, 10'000);
    Submit jobs{terms, {}};
    for (const auto& id : ids) jobs.rows.push_back({JobId::parse(id).value(), payload});
    socket.send(zmq::buffer(encode(jobs)));
}

std::string House::exchange(const std::string& endpoint, const std::string& frame) const {
    auto socket =
        transport::open_socket(*static_cast<zmq::context_t*>(context_), zmq::socket_type::req);
    socket.connect(endpoint);
    socket.set(zmq::sockopt::rcvtimeo, 20'000);
    socket.send(zmq::buffer(frame));
    zmq::message_t answer;
    if (!socket.recv(answer)) return {};
    return std::string(transport::view(answer));
}

std::optional<StatusAnswer> House::ask(const StatusQuestion& question) const {
    const std::string frame = exchange(status(), encode(Request(), question));
    Reader reader;
    auto decoded = decode_status_answer(reader, frame);
    if (decoded.messages.empty()) return std::nullopt;
    return decoded.messages.front().question;
}

std::optional<ControlAnswer> House::ask_control(const ControlQuestion& question) const {
    const std::string frame = exchange(control(), encode(Request(), question));
    Reader reader;
    auto decoded = decode_control_answer(reader, frame);
    if (decoded.messages.empty()) return std::nullopt;
    return decoded.messages.front().question;
}

JobView House::wait(const std::string& id) const {
    AskWait question;
    question.id = JobId::parse(id).value();
    question.timeout = 15s;
    question.value = true;
    const auto answer = ask(question);
    return answer ? std::get<JobAnswer>(*answer).job : JobView();
}

JobView House::status(const std::string& id) const {
    const auto answer = ask(AskStatus{JobId::parse(id).value(), true});
    return answer ? std::get<JobAnswer>(*answer).job : JobView();
}

bool House::is_ready() const {
    const auto answer = ask(AskStats{});
    return answer && std::get<SinkStats>(*answer).ventilator;
}

bool House::is_serving() const {
    const auto answer = ask_control(AskRoom{});
    return answer && std::get<Room>(*answer).serving;
}

std::size_t House::workers() const {
    const auto answer = ask_control(AskWorkers{});
    return answer ? std::get<Workers>(*answer).workers.size() : 0;
}

HttpAnswer House::http_request(const std::string& method, const std::string& path,
                               const std::string* data, const std::string& content_type) const {
    HttpAnswer answer;
    curl_easy_reset(curl_);
    const std::string url = "http://" + http() + path;
    curl_slist* headers = nullptr;
    if (data != nullptr) {
        headers = curl_slist_append(headers, ("Content-Type: " + content_type).c_str());
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, data->data());
        curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(data->size()));
    }
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, method.c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &answer.headers);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, 60L);
    if (curl_easy_perform(curl_) == CURLE_OK) {
        curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &answer.status);
    }
    curl_slist_free_all(headers);
    return answer;
}

std::string numbers(std::initializer_list<std::pair<const char*, double>> pairs) {
    std::string out;
    Writer w(out);
    w.map(pairs.size());
    for (const auto& [key, value] : pairs) {
        w.key(key);
        if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
            w.integer(static_cast<std::int64_t>(value));
        } else {
            w.real(value);
        }
    }
    return out;
}

} // namespace penstock::testing

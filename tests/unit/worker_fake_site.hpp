#pragma once
// A web site of one thread, on loopback. GET /hold is answered after release(); /to?PATH redirects
// there; /round redirects to itself; /status?TEXT answers that status; /type?TYPE answers the body
// with that type; /head answers the head of the request; everything else "METHOD PATH BODY".

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace penstock::testing {

class FakeSite {
public:
    FakeSite() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* at = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(bind(listener_, at, size), 0);
        EXPECT_EQ(listen(listener_, 1024), 0);
        EXPECT_EQ(getsockname(listener_, at, &size), 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }

    ~FakeSite() {
        ending_ = true;
        thread_.join();
        for (const auto& entry : connections_) close(entry.first);
        close(listener_);
    }

    FakeSite(const FakeSite&) = delete;
    FakeSite& operator=(const FakeSite&) = delete;

    [[nodiscard]] std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }

    void release() { released_ = true; }

    void wait_for_held(int count) const {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (held_ < count) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << held_ << " are held";
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

private:
    struct Connection {
        std::string bytes;
        bool held = false;
    };

    void run() {
        while (!ending_) {
            std::vector<pollfd> fds{{listener_, POLLIN, 0}};
            for (const auto& entry : connections_) fds.push_back({entry.first, POLLIN, 0});
            poll(fds.data(), fds.size(), 5);
            if (fds[0].revents != 0)
                connections_[accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)];
            for (std::size_t i = 1; i < fds.size(); ++i) {
                if (fds[i].revents != 0) read_from(fds[i].fd);
            }
            if (!released_) continue;
            for (auto& [fd, connection] : connections_) {
                if (connection.held) send_to(fd, "200 OK", "", "held");
                connection.held = false;
            }
        }
    }

    void read_from(int fd) {
        std::array<char, 4096> buffer;
        const auto got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) {
            close(fd);
            connections_.erase(fd);
            return;
        }
        auto& connection = connections_[fd];
        connection.bytes.append(buffer.data(), static_cast<std::size_t>(got));
        const auto end = connection.bytes.find("\r\n\r\n");
        if (end == std::string::npos) return;
        const auto length = connection.bytes.find("Content-Length: ");
        const std::size_t body_size =
            length < end ? std::stoul(connection.bytes.substr(length + 16)) : 0;
        if (connection.bytes.size() < end + 4 + body_size) return;
        const auto head = connection.bytes.substr(0, end + 2);
        const auto body = connection.bytes.substr(end + 4, body_size);
        connection.bytes.clear();
        answer(fd, head, body);
    }

    void answer(int fd, const std::string& head, const std::string& body) {
        const auto line = head.substr(0, head.find(" HTTP/"));
        const auto to = line.find("/to?");
        if (to != std::string::npos) {
            send_to(fd, "302 Found", "Location: " + line.substr(to + 4) + "\r\n", "");
        } else if (line.ends_with("/round")) {
            send_to(fd, "302 Found", "Location: /api/round\r\n", "");
        } else if (const auto status = line.find("/status?"); status != std::string::npos) {
            send_to(fd, line.substr(status + 8) + " Said", "", "said " + body);
        } else if (const auto type = line.find("/type?"); type != std::string::npos) {
            send_to(fd, "200 OK", "Content-Type: " + line.substr(type + 6) + "\r\n", body);
        } else if (line.ends_with("/head")) {
            send_to(fd, "200 OK", "Content-Type: text/plain\r\n", head);
        } else if (line.ends_with("/hold")) {
            connections_[fd].held = true;
            ++held_;
        } else {
            send_to(fd, "200 OK", "Content-Type: text/plain\r\n", line + " " + body);
        }
    }

    static void send_to(int fd, const std::string& status, const std::string& headers,
                        const std::string& body) {
        const std::string out = "HTTP/1.1 " + status + "\r\n" + headers +
                                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                body;
        EXPECT_EQ(send(fd, out.data(), out.size(), MSG_NOSIGNAL), static_cast<ssize_t>(out.size()));
    }

    int listener_;
    int port_ = 0;
    std::atomic<bool> ending_{false}, released_{false};
    std::atomic<int> held_{0};
    std::map<int, Connection> connections_; // the thread's own
    std::thread thread_;
};

} // namespace penstock::testing

#pragma once
// Reads Server-Sent Events out of bytes that come in pieces of any size. Pure.

#include <functional>
#include <string>
#include <string_view>

namespace penstock::cli {

struct SseEvent {
    std::string id; // the last one that was given
    std::string name;
    std::string data;
};

class SseReader {
public:
    using Take = std::function<void(const SseEvent&)>;

    explicit SseReader(Take take) : take_(std::move(take)) {}

    void read(std::string_view bytes);

private:
    void line(std::string_view text);

    Take take_;
    std::string rest_; // of a line whose end has not come
    SseEvent event_;
};

} // namespace penstock::cli

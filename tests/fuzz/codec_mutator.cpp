// libFuzzer's mutations, and some that know what a frame is: so that it begins with every message
// of the wire, whatever the corpus has.

#include "protocol/codec.hpp"
#include "tests/support/frames.hpp"

#include <algorithm>
#include <cstring>
#include <random>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace penstock;
using namespace penstock::testing;

const std::vector<Sample>& samples() {
    static const std::vector<Sample> all = all_samples();
    return all;
}

// A frame of some other message, or several in one frame.
std::string draw_frame(std::minstd_rand& random, Socket& socket) {
    const Sample& first = samples()[random() % samples().size()];
    socket = first.socket;
    if (random() % 4 > 0) return first.frame;
    std::vector<std::string> frames = {first.frame};
    for (std::size_t i = random() % 4; i > 0; --i) {
        const Sample& next = samples()[random() % samples().size()];
        if (next.socket == socket) frames.push_back(next.frame);
    }
    return join_frames(frames);
}

// Puts a value where another one may begin.
std::string with_claim(std::string frame, std::minstd_rand& random) {
    static const std::string kClaims[] = {std::string("\xdd\x00\x00\xff\xff", 5),
                                          std::string("\xdf\x00\x00\x00\x05", 5),
                                          std::string("\xdb\x00\x00\x01\x00", 5),
                                          "\xc6\xff\xff\xff\xff",
                                          "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                                          "\xcb\x7f\xf8\x01\x01\x01\x01\x01\x01",
                                          "\xd3\x80\x01\x01\x01\x01\x01\x01\x01",
                                          "\xc0",
                                          "\xc1",
                                          "\xc3",
                                          "\x90",
                                          "\x80",
                                          "\xa0"};
    const std::string& claim = kClaims[random() % std::size(kClaims)];
    const std::size_t at = random() % (frame.size() + 1);
    return frame.replace(at, std::min<std::size_t>(random() % 4, frame.size() - at), claim);
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
    std::minstd_rand random(seed);
    if (size == 0) data[size++] = 0;
    std::string frame(reinterpret_cast<const char*>(data) + 1, size - 1);
    auto socket = static_cast<Socket>(data[0]);
    switch (random() % 16) {
    case 0:
        frame = draw_frame(random, socket);
        break;
    case 1:
        frame = with_claim(draw_frame(random, socket), random);
        break;
    case 2:
    case 3:
        frame = with_claim(std::move(frame), random);
        break;
    default:
        return LLVMFuzzerMutate(data, size, most);
    }
    if (frame.size() + 1 > most) return LLVMFuzzerMutate(data, size, most);
    data[0] = static_cast<std::uint8_t>(socket);
    std::memcpy(data + 1, frame.data(), frame.size());
    return frame.size() + 1;
}

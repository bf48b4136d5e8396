// The codec: one byte names the socket, the rest is the frame that came to it.
//
// A frame is understood or refused; what is understood can be said by our own encoders in every
// form that they have, and comes back the same. (New messages need nothing here:
// tests/support/frames.hpp has all of them.)

#include "protocol/codec.hpp"
#include "protocol/payload_with.hpp"
#include "tests/fuzz/choices.hpp"
#include "tests/support/frames.hpp"

namespace {

using namespace penstock;
using namespace penstock::testing;
using fuzz::require;

void check_round(Socket socket, Reader& reader, const Outcome& first) {
    std::vector<std::string> said;
    for (const auto& forms : first.forms) {
        for (std::size_t form = 0; form < forms.size(); ++form) {
            const Outcome again = decode_at(socket, reader, forms[form]);
            require(again.error.empty(), "what we encode can be decoded");
            require(again.messages == 1, "one message is one message");
            require(again.forms[0].size() > form && again.forms[0][form] == forms[form],
                    "what was decoded and encoded is the same message");
        }
        said.push_back(forms.front());
    }
    if (said.size() < 2) return;
    const Outcome all = decode_at(socket, reader, join_frames(said));
    require(all.error.empty() && all.messages == said.size(), "joined messages are all there");
}

// As a payload: what the gateway and the sink do with values that they do not look into.
void check_value(std::string_view bytes) {
    const std::string with = payload_with(bytes, "previous", bytes);
    if (is_one_value(bytes) && bytes.size() < 64) {
        require(is_one_value(with), "a value with another one in it is one value");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view frame(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto socket = static_cast<Socket>(data[0] & 15);
    if (socket > Socket::events) {
        check_value(frame);
        return 0;
    }
    Reader reader;
    const Outcome first = decode_at(socket, reader, frame);
    require(first.error.empty() || first.forms.empty(), "a frame is understood or refused");
    if (first.error.empty()) check_round(socket, reader, first);
    return 0;
}

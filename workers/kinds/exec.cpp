// exec: runs a command that the operator gave a name.

#include "workers/kinds/builtin.hpp"
#include "workers/kinds/subprocess.hpp"

namespace penstock::worker {
namespace {

Reply to_reply(const Finished& finished) {
    switch (finished.how) {
    case Finished::How::exited:
        break;
    case Finished::How::cancelled:
        return cancelled_reply();
    case Finished::How::timed_out:
        return Reply::failure("timeout", "the command took longer than the job's timeout",
                              Retry::allowed);
    case Finished::How::too_much_output:
        return Reply::failure("result-too-large", "the command wrote more than 8 MiB",
                              Retry::pointless);
    case Finished::How::not_started:
        return Reply::failure("exec-failed", "the command could not be started: " + finished.error,
                              Retry::allowed);
    }
    std::string out;
    Writer w(out);
    w.map(3).key("status").integer(finished.status).key("output");
    write_text_or_bytes(w, finished.output);
    write_text_or_bytes(w.key("error"), finished.error);
    return Reply::value(std::move(out));
}

} // namespace

Handler make_exec(Commands commands) {
    return [commands = std::move(commands)](Job& job) {
        const Node name = job.read().find("name"), input = job.read().find("input");
        if (!name.is(Shape::text)) return bad_payload("the payload must be {\"name\": a string}");
        const bool has_input = input && !input.is(Shape::nil);
        if (has_input && !input.is(Shape::text) && !input.is(Shape::bytes)) {
            return bad_payload("`input` must be a string or bytes");
        }
        const auto command = commands.find(name.text());
        if (command == commands.end()) {
            return Reply::failure("command-not-allowed",
                                  "this worker has no command " + std::string(name.text()) +
                                      "; its operator names them with --allow-exec",
                                  Retry::pointless);
        }
        return to_reply(run_command(command->second, has_input ? input.text() : Bytes(),
                                    job.deadline(), job.stop_token()));
    };
}

} // namespace penstock::worker

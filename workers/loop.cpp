#include "workers/loop.hpp"

#include "transport/endpoint.hpp"
#include "transport/poll.hpp"
#include "transport/wakeup.hpp"
#include "workers/process.hpp"

#include <algorithm>
#include <array>

namespace penstock::worker {
namespace {

using std::chrono::milliseconds;

constexpr int kFramesPerRound = 64; // so that results and heartbeats get their turn
constexpr Duration kNap = milliseconds(1);
constexpr Duration kSleepMost = milliseconds(500);
constexpr Duration kDrainLook = milliseconds(100); // for the second request to stop
constexpr Duration kSettledWithin = std::chrono::seconds(5); // when it drains
constexpr milliseconds kDoorLinger(1'000);

Instant clock_now() {
    return std::chrono::steady_clock::now();
}

LifeTimes times_of(const Options& options) {
    LifeTimes times;
    times.heartbeat = options.heartbeat;
    return times;
}

} // namespace

bool is_inproc(const std::string& endpoint) {
    return endpoint.starts_with("inproc://");
}

Loop::Loop(const Options& options, const Kinds& kinds, zmq::context_t& context,
           transport::Stop& stop)
    : options_(options), kinds_(kinds), context_(context), stop_(stop),
      name_(options.name.empty() ? make_worker_name(static_cast<std::uint32_t>(random_()))
                                 : options.name),
      now_(clock_now()), life_(times_of(options), now_), pool_(options.slots, desk_, now_),
      results_(name_), monitors_(context), looked_at_(now_), progress_at_(now_) {}

Loop::~Loop() {
    withdraw(); // so that the pool's threads end with the job that they run
    if (lane_ && lane_watched_) monitors_.forget(*lane_, lane_key_);
}

void Loop::run() {
    while (!finished()) {
        rest();
        now_ = clock_now();
        busy_ = false;
        look_at_clock();
        read_monitors();
        read_answer();
        read_lane();
        send_progress();
        send_partials();
        if (desk_->take_announced() || now_ - looked_at_ >= kNap) {
            looked_at_ = now_;
            if (collect()) busy_ = true;
            pool_.look_again();
        }
        if (sink_) sink_->flush();
        if (door_) door_->flush();
    }
    if (!stop_.at_once()) return;
    pool_.leave_behind();
    for (const auto& batch : open_) {
        for (std::uint32_t i = 0; i < batch->size(); ++i) batch->cancel(i);
    }
}

bool Loop::finished() const {
    if (stop_.at_once()) return true;
    if (!life_.draining() || !open_.empty() || (sink_ && sink_->flushing())) return false;
    // What is on its way, and what was read and not recorded, would be gone with a sink that dies.
    return outbox_.empty() || now_ >= leave_by_;
}

// Until something happens.
void Loop::rest() {
    const bool nap = busy_ || (sink_ && sink_->flushing());
    desk_->rest(nap ? Desk::Rest::nap : Desk::Rest::sleep);
    Duration wait = kNap;
    if (!nap) {
        // From here on whoever finishes a job rings; this finds the ones that finished before.
        if (collect())
            wait = Duration(0);
        else
            wait = std::clamp<Duration>(life_.wake_at() - clock_now(), Duration(0), kSleepMost);
    }
    wait = std::min(wait, until_progress());
    if (life_.draining()) wait = std::min(wait, kDrainLook);
    if (desk_->announced() || desk_->has_partials()) wait = Duration(0);

    std::array<zmq_pollitem_t, 5> items{};
    std::size_t count = 0;
    const auto add = [&](void* socket, int fd) { items[count++] = {socket, fd, ZMQ_POLLIN, 0}; };
    add(nullptr, desk_->fd());
    add(nullptr, monitors_.fd());
    if (!stop_.draining()) add(nullptr, stop_.fd());
    if (asking_) add(asking_->handle(), 0);
    if (lane_ && !too_much_unsent()) add(lane_->handle(), 0);
    const auto wait_ms = std::chrono::ceil<milliseconds>(wait).count();
    transport::wait_for(std::span(items).first(count), static_cast<long>(wait_ms));
    desk_->wake();
    if ((items[0].revents & ZMQ_POLLIN) != 0) desk_->quiet();
}

// Before anything is read or started: after a sleep of the whole process, what is here is stale.
void Loop::look_at_clock() {
    Life::Actions actions;
    life_.tick(now_, chance(), actions);
    if (stop_.draining()) life_.drain(now_, actions);
    perform(actions);
    if (life_.draining() && open_.empty() && leave_by_ == kNever) leave_by_ = now_ + kSettledWithin;
    pool_.beat(now_);
}

void Loop::read_monitors() {
    for (const auto& event : monitors_.take()) {
        if (event.key == sink_key_) sink_is(event.what);
        if (event.key != lane_key_ || !lane_) continue;
        Life::Actions actions;
        if (event.what == transport::PeerEvent::What::up)
            life_.lane_up(now_, actions);
        else
            life_.lane_down(now_, chance(), actions);
        perform(actions);
    }
}

void Loop::read_answer() {
    if (!asking_) return;
    const auto frame = transport::receive_frame(*asking_, malformed_);
    if (!frame) return;
    auto decoded = decode_control_answer(reader_, transport::view(*frame));
    Lane lane;
    if (!decoded.error.empty()) {
        lane.error = decoded.error;
    } else if (decoded.messages.size() == 1 &&
               std::holds_alternative<Lane>(decoded.messages[0].question)) {
        lane = std::get<Lane>(std::move(decoded.messages[0].question));
    } else {
        lane.error = "the answer is no lane";
    }
    if (!lane.error.empty() && lane.error != last_refusal_) {
        log("the ventilator at " + options_.control + " refused: " + lane.error);
    }
    last_refusal_ = lane.error;
    Life::Actions actions;
    life_.answered(lane, now_, chance(), actions);
    perform(actions);
}

void Loop::read_lane() {
    receive_lane();
    if (!arrived_.empty()) pool_.publish(arrived_);
}

void Loop::receive_lane() {
    if (lane_ && too_much_unsent()) life_.heard(now_); // it is we who don't listen
    for (int i = 0; i < kFramesPerRound && lane_ && !too_much_unsent(); ++i) {
        auto message = transport::receive_frame(*lane_, malformed_);
        if (!message) return;
        const auto frame = std::make_shared<const zmq::message_t>(std::move(*message));
        auto decoded = decode_lane(reader_, transport::view(*frame));
        if (!decoded.error.empty()) {
            log("a message on the lane was dropped: " + decoded.error);
            continue;
        }
        Life::Actions actions;
        life_.heard(now_);
        life_.lane_up(now_, actions); // where no monitor says so
        for (auto& each : decoded.messages) {
            if (auto* batch = std::get_if<JobBatch>(&each))
                on(std::move(*batch), frame);
            else if (const auto* settled = std::get_if<SettledJobs>(&each))
                outbox_.settle(settled->rows);
            else if (const auto* cancel = std::get_if<CancelJob>(&each))
                on(*cancel);
            else if (std::holds_alternative<Drain>(each))
                life_.drain(now_, actions);
        }
        perform(actions);
    }
}

void Loop::on(JobBatch batch, const std::shared_ptr<const zmq::message_t>& frame) {
    if (!life_.takes(batch.epoch)) return;
    outbox_.settle(batch.settled);
    if (batch.rows.empty()) return;
    busy_ = true;
    if (life_.draining()) {
        std::vector<JobNumber> numbers;
        for (const auto& row : batch.rows) numbers.push_back(row.number);
        say_bye(numbers);
        return;
    }
    const auto kind = kinds_.find(batch.kind);
    if (kind == kinds_.end()) {
        for (const auto& row : batch.rows) {
            fail(row, batch,
                 Reply::failure("unknown-kind", "this worker has no handler for " + batch.kind,
                                Retry::pointless));
        }
        desk_->announce();
        return;
    }
    open_.push_back(std::make_shared<Batch>(frame, std::move(batch), kind->second, desk_, now_));
    arrived_.push_back(open_.back());
}

void Loop::on(const CancelJob& cancel) {
    for (const auto& batch : open_) {
        for (std::uint32_t i = 0; i < batch->size(); ++i) {
            const JobRow& row = batch->row(i);
            if (row.id != cancel.id || (cancel.number != 0 && row.number != cancel.number))
                continue;
            if (batch->cancel(i) != Batch::Cancelled::before_start) continue;
            fail(row, batch->jobs(),
                 Reply::failure("cancelled", "cancelled before it started", Retry::pointless));
            desk_->announce();
        }
    }
}

// Without running it.
void Loop::fail(const JobRow& job, const JobBatch& of, Reply reply) {
    results_.add(of.epoch, of.queued_us, job, {std::move(reply), Duration(0)});
}

// All that runs, of whichever epoch.
std::vector<Join::Run> Loop::running() {
    collect(); // what has finished does not run
    std::vector<Join::Run> out;
    for (const auto& batch : open_) {
        const Epoch epoch = batch->jobs().epoch;
        batch->each_running([&](const JobRow& job) {
            out.push_back({job.id, epoch, job.attempt, job.number});
        });
    }
    return out;
}

// Their numbers, of those that the newest lane's ventilator gave.
std::vector<JobNumber> Loop::numbers_of(const std::vector<Join::Run>& running) const {
    std::vector<JobNumber> out;
    for (const Join::Run& run : running) {
        if (run.epoch == life_.epoch()) out.push_back(run.number);
    }
    return out;
}

std::vector<JobNumber> Loop::withdraw() {
    std::vector<JobNumber> out;
    for (const auto& batch : open_) {
        for (const auto i : batch->withdraw()) out.push_back(batch->row(i).number);
    }
    std::erase_if(open_, [](const auto& batch) { return batch->empty(); });
    return out;
}

void Loop::say_bye(const std::vector<JobNumber>& waiting) {
    if (door_) door_->send(transport::make_frame(encode(Bye{name_, waiting})));
}

void Loop::perform(Life::Actions& actions) {
    for (const auto& action : actions) {
        std::visit([this](const auto& each) { act(each); }, action);
    }
}

void Loop::act(const Life::AskToJoin&) {
    Join join;
    join.worker = name_;
    for (const auto& entry : kinds_) join.kinds.push_back(entry.first);
    join.slots = options_.slots;
    join.batch = join.heartbeats = true;
    join.same_process = is_inproc(options_.control);
    join.labels = options_.labels;
    join.min_priority = options_.min_priority;
    for (const auto& [name, kind] : kinds_) {
        if (kind->batch) join.batching.push_back(kind->together);
    }
    join.runs = running();
    join.epoch = life_.epoch();
    join.running = numbers_of(join.runs);
    join.outbox = !join.same_process; // nothing is lost on a way through memory
    outbox_.asks_to_join();
    asking_.emplace(transport::open_socket(context_, zmq::socket_type::req));
    transport::connect_socket(*asking_, options_.control, "The worker");
    transport::send_copy(*asking_, encode(Request(), join));
}

void Loop::act(const Life::StopAsking&) {
    asking_.reset();
}

void Loop::act(const Life::DialLane& action) {
    try {
        dial(action.lane);
    } catch (const std::exception& error) { // the ventilator named an address that is none
        log(error.what());
        Life::Actions actions;
        life_.lane_down(now_, chance(), actions);
        perform(actions);
    }
}

void Loop::dial(const Lane& lane) {
    left_lane_.reset();
    if (!lane.worker.empty()) results_.rename(name_ = lane.worker);
    const auto reached = [this](const std::string& offered) {
        return transport::as_reached_from(offered, options_.control);
    };
    const std::string sink = reached(lane.sink), door = reached(lane.door);
    outbox_.has_lane(lane.epoch);
    open_sink(sink);
    if (!door_ || door_->endpoint() != door) {
        door_ = std::make_unique<Outlet>(context_, door, "The worker", kDoorLinger);
    }
    const std::string endpoint = reached(lane.endpoint);
    lane_.emplace(transport::open_socket(context_, zmq::socket_type::pull));
    lane_->set(zmq::sockopt::reconnect_ivl, -1); // a lane lives for one connection
    lane_watched_ = !is_inproc(endpoint);        // those have no events
    lane_key_ = ++last_key_;
    if (lane_watched_) monitors_.watch(*lane_, lane_key_);
    transport::connect_socket(*lane_, endpoint, "The worker");
    log("joined " + options_.control + " as " + name_ + ", at most " + std::to_string(lane.window) +
        " jobs here at a time");
    if (lane_watched_) return;
    Life::Actions actions;
    life_.lane_up(now_, actions);
    perform(actions);
}

void Loop::act(const Life::LeaveLane& leave) {
    log("left the lane: " + leave.why);
    if (lane_ && lane_watched_) monitors_.forget(*lane_, lane_key_);
    // Its end would tell the ventilator that this worker is dead, and what still runs here would be
    // given to others. So the old lane stays open, unread, until the join has named those jobs.
    left_lane_ = std::move(lane_);
    lane_.reset();
}

void Loop::act(const Life::DropWaiting&) {
    withdraw();
}

void Loop::act(const Life::HandBack&) {
    log("draining: what runs is finished, what waits is handed back");
    say_bye(withdraw());
}

void Loop::act(const Life::Heartbeat&) {
    if (!door_ || !door_->flushed()) return;
    door_->send(transport::make_frame(encode(Heartbeat{
        name_, numbers_of(running()), cpu_seconds_used(), resident_bytes(), life_.epoch()})));
}

void Loop::log(const std::string& text) const {
    options_.log(text);
}

} // namespace penstock::worker

#pragma once
// What a program that runs jobs includes:
//
//     #include <penstock/worker.hpp>
//
//     int main() {
//         penstock::worker::Options options;
//         options.control = "tcp://127.0.0.1:5556";
//         penstock::worker::Worker worker(options);
//         worker.on("shout", [](penstock::worker::Job& job) {
//             return penstock::worker::Reply::text(std::string(job.read().text()) + "!");
//         });
//         worker.run();
//     }

#include "workers/worker.hpp"

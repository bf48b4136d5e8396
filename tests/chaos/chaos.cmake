# What the chaos runs need besides the program itself.
add_executable(chaos_worker ${CMAKE_CURRENT_SOURCE_DIR}/chaos/worker.cpp)
target_link_libraries(chaos_worker PRIVATE worker penstock_warnings)

# The program without a part of its fencing. Runs must find out: a checker that can't is worth
# nothing. Built only when a test asks for it.
penstock_plant(unfenced penstock_unfenced sink/ledger.cpp
    "    if (is_final(r.state)) {\n        ++r.kind->duplicates;"
    "    if (false) {\n        ++r.kind->duplicates;")
# The copy comes first, so that the library's own object is never asked for.
add_executable(penstock_unfenced EXCLUDE_FROM_ALL ${unfenced} ${PROJECT_SOURCE_DIR}/cli/main.cpp)
target_link_libraries(penstock_unfenced PRIVATE cli penstock_warnings penstock_allocator)

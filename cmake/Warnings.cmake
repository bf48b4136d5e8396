add_library(penstock_warnings INTERFACE)
target_compile_features(penstock_warnings INTERFACE cxx_std_20)
target_compile_options(penstock_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wconversion)
# Checks of the standard library stay on, whatever the build.
target_compile_definitions(penstock_warnings INTERFACE _GLIBCXX_ASSERTIONS)

# Every library of the tree: warnings, and includes by path from the root.
function(penstock_library name)
    add_library(${name} STATIC ${ARGN})
    add_library(penstock::${name} ALIAS ${name})
    set_target_properties(${name} PROPERTIES OUTPUT_NAME penstock_${name} EXPORT_NAME ${name}
                                             POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/penstock>)
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:penstock_warnings>)
    target_compile_features(${name} PUBLIC cxx_std_20)
endfunction()

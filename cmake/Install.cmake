# What an outside project needs to write workers in C++:
#
#     find_package(penstock REQUIRED)
#     target_link_libraries(my_worker PRIVATE penstock::worker)
#
# `cmake --install BUILD --component sdk` installs that alone; without --component the program too.

include(CMakePackageConfigHelpers)

set(PENSTOCK_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/penstock)

install(TARGETS protocol transport worker EXPORT penstockTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
install(EXPORT penstockTargets NAMESPACE penstock:: DESTINATION ${PENSTOCK_CMAKE_DIR}
        COMPONENT sdk)

# Headers keep their places below one directory, so that they include each other as they do here.
foreach(directory protocol transport)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/${directory}
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/penstock COMPONENT sdk
            FILES_MATCHING PATTERN "*.hpp"
            REGEX "/(fields|rows|scan)\\.hpp$" EXCLUDE) # the codec's own
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/workers/worker.hpp ${PROJECT_SOURCE_DIR}/workers/job.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/penstock/workers COMPONENT sdk)
install(FILES ${PROJECT_SOURCE_DIR}/workers/include/penstock/worker.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/penstock COMPONENT sdk)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/penstockConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/penstockConfig.cmake
                              INSTALL_DESTINATION ${PENSTOCK_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/penstockConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/penstockConfig.cmake
              ${PROJECT_BINARY_DIR}/penstockConfigVersion.cmake
        DESTINATION ${PENSTOCK_CMAKE_DIR} COMPONENT sdk)

if(TARGET penstock)
    install(TARGETS penstock RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()

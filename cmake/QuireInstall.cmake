# Installed: the library, the public headers, the program, a CMake package, a pkg-config file.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/quire")

get_target_property(library_sources quire SOURCES)
if(library_sources)
    install(TARGETS quire EXPORT quireTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT quireTargets NAMESPACE quire:: DESTINATION "${package_dir}")
endif()
if(TARGET quire_program)
    install(TARGETS quire_program DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(DIRECTORY include/quire DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/quireConfig.cmake.in quireConfig.cmake
    INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(quireConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/quireConfig.cmake" "${PROJECT_BINARY_DIR}/quireConfigVersion.cmake"
    DESTINATION "${package_dir}")

# Who links the static library needs its dependencies too; the shared one brings them along.
set(private_if_shared "")
if(BUILD_SHARED_LIBS)
    set(private_if_shared ".private")
endif()
file(RELATIVE_PATH prefix_from_pc
    "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file(cmake/quire.pc.in quire.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/quire.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

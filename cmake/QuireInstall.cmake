# Installed: the library, that of the kernels alone, the public headers, the program and its manual
# page, the folder of plugins, a CMake package, pkg-config files, docs and examples.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/quire")

get_target_property(library_sources quire SOURCES)
if(library_sources)
    # quire::headers is what a plugin needs: nothing to link.
    add_library(quire_headers INTERFACE)
    set_target_properties(quire_headers PROPERTIES EXPORT_NAME headers)
    target_include_directories(quire_headers INTERFACE
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    install(TARGETS quire quire_kernels_library quire_headers EXPORT quireTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT quireTargets NAMESPACE quire:: DESTINATION "${package_dir}")
endif()
if(TARGET quire_program)
    install(TARGETS quire_program DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(TARGETS quire_ort_library LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/quire")
install(DIRECTORY DESTINATION "${CMAKE_INSTALL_LIBDIR}/quire/plugins")
install(DIRECTORY include/quire DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/quireConfig.cmake.in quireConfig.cmake
    INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(quireConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/quireConfig.cmake" "${PROJECT_BINARY_DIR}/quireConfigVersion.cmake"
    DESTINATION "${package_dir}")

# Who links the static library needs its dependencies too; the shared one brings them along, and to
# name them would make pkg-config ask for their development packages.
set(requires_if_static "Requires: libprotobuf-c libxxhash libpcre2-8 jansson")
set(libs_if_static " -lm")
if(BUILD_SHARED_LIBS)
    set(requires_if_static "")
    set(libs_if_static "")
endif()
file(RELATIVE_PATH prefix_from_pc
    "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file(cmake/quire.pc.in quire.pc @ONLY)
configure_file(cmake/quire_kernels.pc.in quire_kernels.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/quire.pc" "${PROJECT_BINARY_DIR}/quire_kernels.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# The manual page: docs/quire.1.in with what the program says of itself.
if(TARGET quire_program AND NOT CMAKE_CROSSCOMPILING)
    add_custom_command(OUTPUT quire.1
        COMMAND sh "${PROJECT_SOURCE_DIR}/cmake/manual.sh" $<TARGET_FILE:quire_program>
            "${PROJECT_SOURCE_DIR}/docs/quire.1.in" "${CMAKE_INSTALL_FULL_LIBDIR}/quire/plugins"
            "${CMAKE_INSTALL_FULL_DOCDIR}" > quire.1
        DEPENDS quire_program cmake/manual.sh docs/quire.1.in VERBATIM)
    add_custom_target(manual ALL DEPENDS quire.1)
    install(FILES "${PROJECT_BINARY_DIR}/quire.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
endif()

# Beside each other as in the source, so that links hold.
install(FILES README.md CHANGELOG.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}" PATTERN "*.in" EXCLUDE)
install(DIRECTORY examples DESTINATION "${CMAKE_INSTALL_DOCDIR}" PATTERN "*.sh" EXCLUDE)

# The Debian package: `cpack` or the target `package`, in any build tree.
#
# What is packed is built apart, in <build>/package, and always the same way: release, prefix /usr,
# without tests. The library in it is shared: then neither find_package(quire) nor pkg-config asks
# for the development packages of what quire itself is made with, and a compiler is all that is
# needed beside the package. The program is one file as ever and does not use the library.
if(NOT PROJECT_IS_TOP_LEVEL)
    return() # a package is the business of whoever includes this project
endif()
set(package_build "${PROJECT_BINARY_DIR}/package")
set(package_files "${PROJECT_BINARY_DIR}/package-files")

set(QUIRE_PACKAGER "quire developers <quire@packages.invalid>" CACHE STRING
    "Maintainer of the Debian package")
string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(file IN ITEMS changelog copyright lintian-overrides shlibs triggers)
    configure_file(cmake/deb/${file}.in "${package_files}/${file}" @ONLY)
endforeach()

if(QUIRE_PACKAGED) # this is <build>/package
    set(overrides "${CMAKE_INSTALL_DATADIR}/lintian/overrides")
    install(FILES "${package_files}/changelog" "${package_files}/copyright"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
    install(FILES "${package_files}/lintian-overrides" RENAME quire DESTINATION "${overrides}")
    find_program(GZIP gzip REQUIRED)
    foreach(file IN ITEMS "${CMAKE_INSTALL_FULL_DOCDIR}/changelog"
                          "${CMAKE_INSTALL_FULL_MANDIR}/man1/quire.1")
        install(CODE "execute_process(COMMAND \"${GZIP}\" -9nf \"\$ENV{DESTDIR}${file}\"
            COMMAND_ERROR_IS_FATAL ANY)")
    endforeach()
endif()

configure_file(cmake/deb/build.cmake.in "${package_files}/build.cmake" @ONLY)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_INSTALL_COMMANDS "\"${CMAKE_COMMAND}\" -P \"${package_files}/build.cmake\"")
set(CPACK_INSTALL_CMAKE_PROJECTS "${package_build};quire;ALL;/")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME quire)
set(CPACK_PACKAGE_CONTACT "${QUIRE_PACKAGER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
    "quire says how each tensor of a model is to be quantized, who asked and why,
and shrinks embedding tables to 8, 4 or 2 bits; the result is plain ONNX.
.
This package has the program, the library with its headers, and everything
that quantizer plugins are built against: they need the headers alone.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "gcc | c-compiler, cmake, pkg-config")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${package_files}/shlibs" "${package_files}/triggers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# What the files need is read from them, where dpkg-dev is installed; else it is Debian 12's names.
find_program(DPKG_SHLIBDEPS dpkg-shlibdeps)
if(DPKG_SHLIBDEPS)
    set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
else()
    set(CPACK_DEBIAN_PACKAGE_DEPENDS
        "libc6 (>= 2.34), libjansson4 (>= 2.12), libpcre2-8-0, libprotobuf-c1, libxxhash0")
endif()
set(CMAKE_SKIP_PACKAGE_ALL_DEPENDENCY ON) # the package is built apart
include(CPack)

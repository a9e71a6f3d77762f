# cmake --install, and find_package(DilatedRingAttention), which gives dra::reference.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/DilatedRingAttention)

set_target_properties(dra_reference PROPERTIES EXPORT_NAME reference)
install(TARGETS dra_reference
    EXPORT DilatedRingAttentionTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/DilatedRingAttention)
install(EXPORT DilatedRingAttentionTargets NAMESPACE dra:: DESTINATION ${package_folder})

configure_package_config_file(cmake/DilatedRingAttentionConfig.cmake.in DilatedRingAttentionConfig.cmake
    INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(DilatedRingAttentionConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    ${PROJECT_BINARY_DIR}/DilatedRingAttentionConfig.cmake
    ${PROJECT_BINARY_DIR}/DilatedRingAttentionConfigVersion.cmake
    DESTINATION ${package_folder})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

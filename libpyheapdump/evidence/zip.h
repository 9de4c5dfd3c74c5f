/* SPDX-License-Identifier: Apache-2.0
 *
 * Members of a zip archive (an application packed by zipapp, pex, or an egg on sys.path), found through its central
 * directory and handed out as they are stored, so that nothing has to be inflated in a crashed process. Format: PKWARE
 * APPNOTE.TXT 4.3. Zip64 archives are not read. Context: crash.
 */
#ifndef PHD_EVIDENCE_ZIP_H
#define PHD_EVIDENCE_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct phd_zip_member {
    uint64_t offset; /* of the stored bytes in the archive */
    uint32_t stored_size;
    bool deflated; /* raw deflate; otherwise as they are */
};

/* Find member `name` in the archive open at `fd`, using `scratch` for reading. False when there is none, or it is stored
 * in another way, or the archive is damaged. */
bool phd__zip_find(int fd, const char *name, uint8_t *scratch, size_t scratch_size, struct phd_zip_member *member);

#endif

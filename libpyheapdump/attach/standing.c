/* SPDX-License-Identifier: Apache-2.0
 *
 * The pthread_self() of a thread is the address in fs_base (glibc and musl, x86-64); orig_rax tells the system call that
 * it is in, or is negative (arch/x86/include/asm/syscall.h, syscall_get_nr). Context: normal.
 */
#include "attach/standing.h"

void phd__standing_set(struct phd_standing *standing, int thread, const struct user_regs_struct *from)
{
    *standing = (struct phd_standing){
        .thread = thread,
        .ident = from->fs_base,
        .registers = {.value = {from->rax, from->rdx, from->rcx, from->rbx, from->rsi, from->rdi, from->rbp, from->rsp,
                                from->r8, from->r9, from->r10, from->r11, from->r12, from->r13, from->r14, from->r15,
                                from->rip},
                      .known = (1u << PHD_REGISTER_COUNT) - 1},
        .system_call = (int)from->orig_rax < 0 ? PHD_NO_SYSTEM_CALL : (int)from->orig_rax,
        .argument = from->rdi,
    };
}

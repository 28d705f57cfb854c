// SPDX-License-Identifier: BSD-2-Clause-Patent
// A TCG plugin that counts what one CPU executes in MM, row by row of mmi_bench. MM is entered when an instruction
// inside MMRAM is executed and left with RSM: what runs between the two counts wherever page tables put it. Further
// iterations of a REP instruction are counted apart. It also counts the pages of MMRAM that were ever written to.
//
// Arguments: base=, size= (of MMRAM, as numbers for strtoull), out= (file for the result). Result, at QEMU's end:
//
//   boot mmis=N instructions=N rep=N            from reset to the first row
//   row=N mmis=N instructions=N rep=N           the samples of a row, all together
//   mmram_pages_written=N
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin_api.h"

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

// tests/guest/uefi/row_marker.hpp: nopl dd(%rax,%rax,1), dd = base + 2 * row, + 1 at the row's end.
enum { marker_size = 8, max_rows = 32, page_size = 4096, max_pages = 65536 };
static const unsigned char marker_opcode[4] = {0x0F, 0x1F, 0x84, 0x00};
static const uint32_t marker_base = 0x52444200;

struct counts {
  uint64_t mmis;
  uint64_t instructions;
  uint64_t rep;
};

static uint64_t mmram_base;
static uint64_t mmram_size;
static const char* output;
static struct counts rows[max_rows];
static struct counts boot;
static struct counts between;  // outside of rows, once there was one
static struct counts* current = &boot;
static bool in_mm;
static uint64_t previous;  // the last REP instruction, as long as nothing else was executed
static unsigned char written[max_pages];

static bool in_mmram(uint64_t address) { return address - mmram_base < mmram_size; }

static void count(uint64_t address) {
  if (!in_mm) {
    if (!in_mmram(address)) {
      return;
    }
    in_mm = true;
    ++current->mmis;
  }
  ++current->instructions;
}

// The data of these is the instruction's address.
static void on_instruction(unsigned vcpu, void* data) {
  (void)vcpu;
  count((uint64_t)data);
  previous = 0;
}

static void on_rep(unsigned vcpu, void* data) {
  (void)vcpu;
  const uint64_t address = (uint64_t)data;
  if (in_mm && previous == address) {
    ++current->rep;
  } else {
    count(address);
  }
  previous = address;
}

static void on_rsm(unsigned vcpu, void* data) {
  on_instruction(vcpu, data);
  in_mm = false;
}

static void on_marker(unsigned vcpu, void* data) {
  (void)vcpu;
  const uint64_t number = (uint64_t)data;
  current = (number & 1) != 0 || number / 2 >= max_rows ? &between : &rows[number / 2];
}

static void on_write(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data) {
  (void)vcpu;
  (void)data;
  if (!in_mm && !in_mmram(address)) {  // outside MM, what reaches MMRAM is identity-mapped
    return;
  }
  struct qemu_plugin_hwaddr* const place = qemu_plugin_get_hwaddr(info, address);
  if (place == NULL || qemu_plugin_hwaddr_is_io(place)) {
    return;
  }
  const uint64_t physical = qemu_plugin_hwaddr_phys_addr(place);
  if (in_mmram(physical) && (physical - mmram_base) / page_size < max_pages) {
    written[(physical - mmram_base) / page_size] = 1;
  }
}

static bool is_prefix(unsigned char byte) {
  return byte == 0xF2 || byte == 0xF3 || byte == 0x66 || byte == 0x67 || byte == 0x2E || byte == 0x36 || byte == 0x3E ||
         byte == 0x26 || byte == 0x64 || byte == 0x65;
}

// Intel SDM volume 2, REP: INS, OUTS, MOVS, CMPS, STOS, LODS, SCAS after an F2 or F3 prefix.
static bool is_rep(const unsigned char* bytes, size_t size) {
  bool repeated = false;
  size_t i = 0;
  for (; i < size && is_prefix(bytes[i]); ++i) {
    repeated |= bytes[i] == 0xF2 || bytes[i] == 0xF3;
  }
  if (i < size && (bytes[i] & 0xF0) == 0x40) {  // REX; in 32-bit code an instruction of one byte
    ++i;
  }
  if (!repeated || i >= size) {
    return false;
  }
  const unsigned char opcode = bytes[i];
  return (opcode >= 0x6C && opcode <= 0x6F) || (opcode >= 0xA4 && opcode <= 0xA7) || (opcode >= 0xAA && opcode <= 0xAF);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb* block) {
  (void)id;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); ++i) {
    struct qemu_plugin_insn* const instruction = qemu_plugin_tb_get_insn(block, i);
    const unsigned char* const bytes = qemu_plugin_insn_data(instruction);
    const size_t size = qemu_plugin_insn_size(instruction);
    void* const address = (void*)qemu_plugin_insn_vaddr(instruction);
    qemu_plugin_vcpu_udata_cb_t callback = on_instruction;
    void* data = address;
    uint32_t marker = 0;
    if (size == marker_size && memcmp(bytes, marker_opcode, sizeof(marker_opcode)) == 0) {
      memcpy(&marker, bytes + sizeof(marker_opcode), sizeof(marker));
      if (marker - marker_base < 2 * max_rows) {
        callback = on_marker;
        data = (void*)(uint64_t)(marker - marker_base);
      }
    } else if (size == 2 && bytes[0] == 0x0F && bytes[1] == 0xAA) {
      callback = on_rsm;
    } else if (is_rep(bytes, size)) {
      callback = on_rep;
    }
    qemu_plugin_register_vcpu_insn_exec_cb(instruction, callback, QEMU_PLUGIN_CB_NO_REGS, data);
    qemu_plugin_register_vcpu_mem_cb(instruction, on_write, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_W, NULL);
  }
}

static void print_counts(FILE* file, const struct counts* counts) {
  fprintf(file, " mmis=%llu instructions=%llu rep=%llu\n", (unsigned long long)counts->mmis,
          (unsigned long long)counts->instructions, (unsigned long long)counts->rep);
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void* data) {
  (void)id;
  (void)data;
  FILE* const file = fopen(output, "w");
  if (file == NULL) {
    perror(output);
    return;
  }
  fputs("boot", file);
  print_counts(file, &boot);
  for (int row = 0; row < max_rows; ++row) {
    if (rows[row].mmis != 0) {
      fprintf(file, "row=%d", row);
      print_counts(file, &rows[row]);
    }
  }
  unsigned pages = 0;
  for (size_t page = 0; page < max_pages; ++page) {
    pages += written[page];
  }
  fprintf(file, "mmram_pages_written=%u\n", pages);
  fclose(file);
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int count,
                                                               char** arguments) {
  (void)info;
  for (int i = 0; i < count; ++i) {
    if (strncmp(arguments[i], "base=", 5) == 0) {
      mmram_base = strtoull(arguments[i] + 5, NULL, 0);
    } else if (strncmp(arguments[i], "size=", 5) == 0) {
      mmram_size = strtoull(arguments[i] + 5, NULL, 0);
    } else if (strncmp(arguments[i], "out=", 4) == 0) {
      output = strdup(arguments[i] + 4);
    }
  }
  if (mmram_size == 0 || output == NULL) {
    fputs("mmi_counter: needs base=, size= and out=\n", stderr);
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
  return 0;
}

/*
 * The completion scripts of shells. They pass the words to `__complete`, which prints one candidate a line. A
 * candidate that ends in "=" is not followed by a space, and ":files" requests file names.
 */

const BASH = `# Completion of kytos-settings for bash: source <(kytos-settings completion bash)
_kytos_settings() {
  # Bash takes KEY=VALUE and ADDRESS:PORT apart; here they are whole words again.
  local rest="\${COMP_LINE:0:COMP_POINT}" i word current lead candidate
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if ((i > 0)) && [[ -n $word && $rest == "$word"* ]]; then
      words[\${#words[@]}-1]+="$word"
    else
      words+=("$word")
    fi
    rest="\${rest#*"$word"}"
  done
  current="\${words[\${#words[@]}-1]}"
  word="\${COMP_WORDS[COMP_CWORD]}"
  lead="$current"
  [[ $word == [=:] ]] || lead="\${current%"$word"}"
  COMPREPLY=()
  while IFS= read -r candidate; do
    if [[ $candidate == :files ]]; then
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
    fi
    [[ $candidate == *= ]] && compopt -o nospace
    COMPREPLY+=("\${candidate#"$lead"}")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _kytos_settings kytos-settings
`

const ZSH = `#compdef kytos-settings
# Completion of kytos-settings for zsh: this file as _kytos-settings in a folder of $fpath, or source
# <(kytos-settings completion zsh)
_kytos_settings() {
  local candidate
  local -a done open
  for candidate in "\${(@f)$("\${words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case "$candidate" in
      '') ;;
      :files) _files; return ;;
      *=) open+=("$candidate") ;;
      *) done+=("$candidate") ;;
    esac
  done
  (( $#open )) && compadd -S '' -a open
  (( $#done )) && compadd -a done
}
if [[ "$funcstack[1]" == _kytos-settings ]]; then
  _kytos_settings "$@"
else
  compdef _kytos_settings kytos-settings
fi
`

const FISH = `# Completion of kytos-settings for fish: this file as ~/.config/fish/completions/kytos-settings.fish
function __kytos_settings
  set -l words (commandline -opc) (commandline -ct)
  for candidate in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    if test "$candidate" = :files
      __fish_complete_path (commandline -ct)
    else
      echo $candidate
    end
  end
end
complete -c kytos-settings -f -a '(__kytos_settings)'
`

/** The scripts by the name of the shell. */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
